#include "qnpc/mls/epoch_storage.h"

#include <algorithm>
#include <bit>

namespace qnpc::mls {
namespace {

void write_keys(codec::SecretWriter& w, const TreeKeys& keys) {
  codec::write(w, keys.leaf_index());
  w.vector([&](codec::SecretWriter& inner) {
    for (const auto& [node, key] : keys.all()) {
      codec::write(inner, node);
      codec::write(inner, key->private_key);
      codec::write(inner, key->public_key);
    }
  });
}

TreeKeys read_keys(codec::Reader& r) {
  TreeKeys out(codec::read<LeafIndex>(r));
  codec::Reader keys = r.vector();
  while (!keys.at_end()) {
    NodeIndex node = codec::read<NodeIndex>(keys);
    Secret private_key = codec::read<Secret>(keys);
    out.set(node, std::make_shared<const crypto::HpkeKeyPair>(
                      crypto::HpkeKeyPair{std::move(private_key), codec::read<Bytes>(keys)}));
  }
  return out;
}

uint32_t read_width(codec::Reader& r) {
  uint32_t width = r.u32();
  require_sound(std::has_single_bit(width) && width <= limits::mls_members, "width of the tree");
  return width;
}

}  // namespace

std::string record::node(NodeIndex node) { return "group/node/" + std::to_string(value(node)); }
std::string record::past(uint64_t epoch) { return "group/past/" + std::to_string(epoch); }
std::string record::secrets(uint64_t epoch) {
  return "group/secret/" + std::to_string(epoch) + "/";
}

Secret require_record(const Storage& storage, std::string_view name) {
  std::optional<Secret> record = storage.get(name);
  if (!record) throw Error(Reason::corrupt, "a group's record is missing: " + std::string(name));
  return std::move(*record);
}

void write_epoch(codec::SecretWriter& w, const Epoch& epoch) {
  codec::write(w, epoch.context);
  w.u32(epoch.tree.width());
  write_keys(w, epoch.keys);
  codec::write(w, epoch.secrets);
  codec::write(w, epoch.interim_transcript_hash);
  codec::write(w, epoch.confirmation_tag);
}

Epoch read_epoch(codec::Reader& r) {
  GroupContext context = codec::read<GroupContext>(r);
  const Suite& suite = suite_of(context.cipher_suite);
  uint32_t width = read_width(r);
  RatchetTree tree;
  tree.set_width(width);
  TreeKeys keys = read_keys(r);
  EpochSecrets secrets = codec::read<EpochSecrets>(r);
  Bytes interim = codec::read<Bytes>(r);
  Bytes confirmation_tag = codec::read<Bytes>(r);
  return {std::move(context),
          std::move(tree),
          std::move(keys),
          std::move(secrets),
          SecretTree(suite, width, Secret()),
          std::move(interim),
          std::move(confirmation_tag)};
}

void require_consistent_epoch(const Epoch& epoch, bool removed) {
  const Suite& suite = epoch.suite();
  require_sound(epoch.tree.tree_hash(suite) == epoch.context.tree_hash, "the ratchet tree");
  for (const auto& [node, key] : epoch.keys.all()) {
    const SmallBytes* public_key = epoch.tree.encryption_key(node);
    require_sound(public_key != nullptr && *public_key == key->public_key, "private keys");
  }
  require_sound(epoch.tree.leaf(epoch.own_leaf()) != nullptr, "our leaf");
  require_sound(removed || epoch.keys.find(node_of(epoch.own_leaf())) != nullptr, "our leaf");
  const size_t size = removed ? 0 : suite.hash_size();
  std::apply(
      [&](const auto&... secret) {
        require_sound(((secret.size() == size) && ...), "secrets of the epoch");
      },
      EpochSecrets::wire(epoch.secrets));
}

void save_nodes(Storage& storage, const RatchetTree& tree, const std::set<NodeIndex>& nodes) {
  for (NodeIndex node : nodes) {
    if (tree.is_blank(node)) {
      storage.erase(record::node(node));
    } else {
      put_record(storage, record::node(node), [&](auto& w) { tree.write_node(w, node); });
    }
  }
}

Epoch load_epoch(const Storage& storage, bool removed) {
  Secret record = require_record(storage, record::epoch);
  codec::Reader r(record.reveal());
  Epoch out = read_epoch(r);
  r.expect_end();
  for (uint32_t i = 0; i < node_count(out.tree.width()); ++i) {
    std::optional<Secret> node = storage.get(record::node(NodeIndex{i}));
    if (!node) continue;  // blank; the tree hash says whether it should be
    codec::Reader node_reader(node->reveal());
    out.tree.read_node(node_reader, NodeIndex{i});
    node_reader.expect_end();
  }
  require_consistent_epoch(out, removed);
  if (!removed) {
    out.secret_tree = SecretTree::load(out.suite(), out.tree.width(), storage,
                                       record::secrets(out.context.epoch));
  }
  return out;
}

void save_past_epoch(Storage& storage, const PastEpoch& epoch) {
  put_record(storage, record::past(epoch.context.epoch), [&](auto& w) {
    codec::write(w, epoch.context);
    w.u32(epoch.secret_tree.width());
    codec::write(w, epoch.own_leaf);
    codec::write(w, epoch.sender_data_secret);
    codec::write(w, epoch.resumption_psk);
    codec::write(w, epoch.replaced);
  });
}

PastEpoch load_past_epoch(const Storage& storage, const Suite& suite, uint64_t epoch) {
  Secret record = require_record(storage, record::past(epoch));
  codec::Reader r(record.reveal());
  GroupContext context = codec::read<GroupContext>(r);
  uint32_t width = read_width(r);
  LeafIndex own_leaf = codec::read<LeafIndex>(r);
  Secret sender_data_secret = codec::read<Secret>(r);
  Secret resumption_psk = codec::read<Secret>(r);
  auto replaced = codec::read<std::vector<ReplacedLeaf>>(r);
  r.expect_end();
  require_sound(context.epoch == epoch && context.cipher_suite == suite.id &&
                    sender_data_secret.size() == suite.hash_size() &&
                    resumption_psk.size() == suite.hash_size() &&
                    std::ranges::is_sorted(replaced, {}, &ReplacedLeaf::index),
                "a past epoch");
  return {std::move(context),
          own_leaf,
          std::move(sender_data_secret),
          std::move(resumption_psk),
          std::move(replaced),
          SecretTree::load(suite, width, storage, record::secrets(epoch))};
}

}  // namespace qnpc::mls
