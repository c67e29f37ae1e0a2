#include "qnpc/mls/secret_tree.h"

#include <algorithm>

namespace qnpc::mls {
namespace {

size_t index_of(RatchetType type) { return static_cast<size_t>(type); }

}  // namespace

Ratchet Ratchet::clone() const {
  Ratchet out{secret.clone(), next_generation, {}};
  for (const MessageKey& key : kept) out.kept.push_back(key.clone());
  return out;
}

SecretTree::SecretTree(const Suite& suite, uint32_t width, Secret encryption_secret,
                       RatchetWindow window)
    : suite_(&suite), window_(window), width_(width) {
  nodes_.emplace(root(width), std::move(encryption_secret));
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
  if (auto it = ratchets_.find(found.leaf); it != ratchets_.end()) {
    size_t type = index_of(found.type);
    it->second[type] = std::move(found.ratchets[type]);
    return;
  }
  NodeIndex whole = unsplit_ancestor(found.leaf);
  for (auto& [node, secret] : found.new_nodes) {
    if (in_subtree(node, whole)) nodes_.emplace(node, std::move(secret));
  }
  nodes_.erase(whole);
  ratchets_[found.leaf] = std::move(found.ratchets);
}

void SecretTree::write(codec::SecretWriter& w) const {
  w.u32(width_);
  w.vector([&](auto& inner) {
    for (const auto& [node, secret] : nodes_) {
      codec::write(inner, node);
      codec::write(inner, secret);
    }
  });
  w.vector([&](auto& inner) {
    for (const auto& [leaf, ratchets] : ratchets_) {
      codec::write(inner, leaf);
      for (const Ratchet& ratchet : ratchets) codec::write(inner, ratchet);
    }
  });
}

SecretTree SecretTree::read(const Suite& suite, codec::Reader& r, RatchetWindow window) {
  SecretTree out(suite, window);
  out.width_ = r.u32();
  codec::Reader nodes = r.vector();
  while (!nodes.at_end()) {
    NodeIndex node = codec::read<NodeIndex>(nodes);
    out.nodes_.emplace(node, codec::read<Secret>(nodes));
  }
  codec::Reader ratchets = r.vector();
  while (!ratchets.at_end()) {
    auto& of_leaf = out.ratchets_[codec::read<LeafIndex>(ratchets)];
    for (Ratchet& ratchet : of_leaf) ratchet = codec::read<Ratchet>(ratchets);
  }
  return out;
}

}  // namespace qnpc::mls
