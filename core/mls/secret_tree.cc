#include "qnpc/mls/secret_tree.h"

#include <algorithm>

namespace qnpc::mls {
namespace {

size_t index_of(RatchetType type) { return static_cast<size_t>(type); }

// What a record holds: the secret of a node that is not yet split, or a leaf's ratchets.
enum class RecordType : uint8_t { node_secret = 0, ratchets = 1 };

std::string record_name(std::string_view prefix, NodeIndex node) {
  return std::string(prefix) + std::to_string(value(node));
}

}  // namespace

Ratchet Ratchet::clone() const {
  Ratchet out{secret.clone(), next_generation, {}};
  for (const MessageKey& key : kept) out.kept.push_back(key.clone());
  return out;
}

SecretTree::SecretTree(const Suite& suite, uint32_t width, Secret encryption_secret,
                       RatchetWindow window)
    : SecretTree(suite, width, window) {
  nodes_.emplace(root(width), std::move(encryption_secret));
  mark_unsaved();
}

NodeIndex SecretTree::unsplit_ancestor(LeafIndex leaf) const {
  NodeIndex node = node_of(leaf);
  while (!nodes_.contains(node)) {
    if (node == root(width_)) throw Error(Reason::internal, "a secret tree has lost a leaf");
    node = parent(node);
  }
  return node;
}

void SecretTree::load_ratchets(LeafIndex leaf, Found& found) const {
  require(value(leaf) < width_, Reject::unknown_sender);
  if (auto it = ratchets_.find(leaf); it != ratchets_.end()) {
    for (size_t i = 0; i < 2; ++i) found.ratchets[i] = it->second[i].clone();
    return;
  }
  // From the lowest ancestor whose secret we still have down to the leaf, section 9.
  NodeIndex node = unsplit_ancestor(leaf);
  Secret secret = nodes_.at(node).clone();
  while (!is_leaf(node)) {
    bool go_left = value(node_of(leaf)) < value(node);
    auto child = [&](std::string_view side) {
      return expand_with_label(*suite_, secret.reveal(), "tree", as_view(side),
                               suite_->hash_size());
    };
    Secret left_secret = child("left");
    Secret right_secret = child("right");
    found.new_nodes.emplace(go_left ? right(node) : left(node),
                            std::move(go_left ? right_secret : left_secret));
    secret = std::move(go_left ? left_secret : right_secret);
    node = go_left ? left(node) : right(node);
  }
  auto first = [&](std::string_view label) {
    return derive_secret(*suite_, secret.reveal(), label);
  };
  found.ratchets[index_of(RatchetType::handshake)].secret = first("handshake");
  found.ratchets[index_of(RatchetType::application)].secret = first("application");
}

// 9.1. The secret of the used generation is overwritten.
MessageKey SecretTree::advance(Ratchet& ratchet) const {
  if (ratchet.next_generation > UINT32_MAX) {
    throw Error(Reason::exhausted, "a sender has used all 2^32 generations of this epoch");
  }
  auto generation = static_cast<uint32_t>(ratchet.next_generation);
  auto derive = [&](std::string_view label, size_t length) {
    return derive_tree_secret(*suite_, ratchet.secret.reveal(), label, generation, length);
  };
  MessageKey out{generation, derive("key", suite_->key_size()),
                 derive("nonce", crypto::aead_nonce_size)};
  skip(ratchet);
  return out;
}

void SecretTree::skip(Ratchet& ratchet) const {
  auto generation = static_cast<uint32_t>(ratchet.next_generation++);
  ratchet.secret = derive_tree_secret(*suite_, ratchet.secret.reveal(), "secret", generation,
                                      suite_->hash_size());
}

MessageKey SecretTree::next(LeafIndex leaf, RatchetType type) {
  if (!ratchets_.contains(leaf)) {
    Found first{.leaf = leaf, .type = type};
    load_ratchets(leaf, first);
    consume(std::move(first));
  }
  unsaved_.insert(node_of(leaf));
  return advance(ratchets_.at(leaf)[index_of(type)]);
}

uint64_t SecretTree::next_generation(LeafIndex leaf, RatchetType type) const {
  auto it = ratchets_.find(leaf);
  return it == ratchets_.end() ? 0 : it->second[index_of(type)].next_generation;
}

SecretTree::Found SecretTree::find(LeafIndex leaf, RatchetType type, uint32_t generation) const {
  Found found{.leaf = leaf, .type = type};
  load_ratchets(leaf, found);
  Ratchet& ratchet = found.ratchets[index_of(type)];
  if (generation < ratchet.next_generation) {
    auto it = std::ranges::find(ratchet.kept, generation, &MessageKey::generation);
    require(it != ratchet.kept.end(), Reject::generation_used);
    found.key = std::move(*it);
    ratchet.kept.erase(it);
    return found;
  }
  require(generation - ratchet.next_generation <= window_.forward, Reject::generation_too_far);
  found.skipped = static_cast<uint32_t>(generation - ratchet.next_generation);
  while (generation - ratchet.next_generation > window_.kept) skip(ratchet);
  while (ratchet.next_generation < generation) ratchet.kept.push_back(advance(ratchet));
  if (ratchet.kept.size() > window_.kept) {
    ratchet.kept.erase(ratchet.kept.begin(),
                       ratchet.kept.end() - static_cast<ptrdiff_t>(window_.kept));
  }
  found.key = advance(ratchet);
  return found;
}

void SecretTree::consume(Found&& found) {
  // What was used or split since find() stays gone: of this leaf the other ratchet, of the nodes
  // those that are not below what is still whole.
  unsaved_.insert(node_of(found.leaf));
  if (auto it = ratchets_.find(found.leaf); it != ratchets_.end()) {
    size_t type = index_of(found.type);
    it->second[type] = std::move(found.ratchets[type]);
    return;
  }
  NodeIndex whole = unsplit_ancestor(found.leaf);
  for (auto& [node, secret] : found.new_nodes) {
    if (!in_subtree(node, whole)) continue;
    unsaved_.insert(node);
    nodes_.emplace(node, std::move(secret));
  }
  unsaved_.insert(whole);
  nodes_.erase(whole);
  ratchets_[found.leaf] = std::move(found.ratchets);
}

void SecretTree::mark_unsaved() {
  for (const auto& [node, secret] : nodes_) unsaved_.insert(node);
  for (const auto& [leaf, ratchets] : ratchets_) unsaved_.insert(node_of(leaf));
}

void SecretTree::save(Storage& storage, std::string_view prefix) {
  for (NodeIndex node : unsaved_) {
    const auto secret = nodes_.find(node);
    const auto begun = is_leaf(node) ? ratchets_.find(leaf_of(node)) : ratchets_.end();
    codec::SecretWriter w;
    if (secret != nodes_.end()) {
      codec::write(w, RecordType::node_secret);
      codec::write(w, secret->second);
    } else if (begun != ratchets_.end()) {
      codec::write(w, RecordType::ratchets);
      for (const Ratchet& ratchet : begun->second) codec::write(w, ratchet);
    } else {
      storage.erase(record_name(prefix, node));
      continue;
    }
    storage.put(record_name(prefix, node), Secret(w.take()));
  }
  unsaved_.clear();
}

SecretTree SecretTree::load(const Suite& suite, uint32_t width, const Storage& storage,
                            std::string_view prefix, RatchetWindow window) {
  SecretTree out(suite, width, window);
  std::vector<NodeIndex> to_read{root(width)};
  while (!to_read.empty()) {
    NodeIndex node = to_read.back();
    to_read.pop_back();
    if (std::optional<Secret> record = storage.get(record_name(prefix, node))) {
      out.read_record(node, *record);
      continue;
    }
    // It was split, and what it was split into is there.
    require_sound(!is_leaf(node), "a node of the secret tree");
    to_read.push_back(right(node));
    to_read.push_back(left(node));
  }
  return out;
}

void SecretTree::read_record(NodeIndex node, const Secret& record) {
  codec::Reader r(record.reveal());
  if (codec::read<RecordType>(r) == RecordType::node_secret) {
    Secret secret = codec::read<Secret>(r);
    require_sound(secret.size() == suite_->hash_size(), "a secret of the secret tree");
    nodes_.emplace(node, std::move(secret));
  } else {
    require_sound(is_leaf(node), "ratchets of the secret tree");
    for (Ratchet& ratchet : ratchets_[leaf_of(node)]) {
      ratchet = codec::read<Ratchet>(r);
      require_consistent(ratchet);
    }
  }
  r.expect_end();
}

void SecretTree::require_consistent(const Ratchet& ratchet) const {
  require_sound(ratchet.secret.size() == suite_->hash_size(), "a ratchet's secret");
  uint64_t least = 0;
  for (const MessageKey& key : ratchet.kept) {
    require_sound(key.generation >= least && key.key.size() == suite_->key_size() &&
                      key.nonce.size() == crypto::aead_nonce_size,
                  "a ratchet's keys");
    least = uint64_t{key.generation} + 1;
  }
  require_sound(
      least <= ratchet.next_generation && ratchet.next_generation <= uint64_t{UINT32_MAX} + 1,
      "a ratchet's generation");
}

}  // namespace qnpc::mls
