// tree-operations, tree-validation and treekem.

#include "qnpc/crypto/system_random.h"
#include "qnpc/mls/framing.h"
#include "qnpc/mls/tree_validation.h"
#include "tools/mls_vectors/verify.h"

namespace qnpc::vectors {
namespace {

using mls::LeafIndex;
using mls::NodeIndex;
using mls::RatchetTree;
using mls::Suite;

RatchetTree tree_of(const Json& vector, const char* field) {
  const Bytes bytes = hex(vector, field);
  auto tree = codec::decode<RatchetTree>(bytes);
  check_equal(codec::encode(tree), bytes, std::string(field) + ", encoded again,");
  return tree;
}

void apply(RatchetTree& tree, const mls::Proposal& proposal, LeafIndex sender) {
  if (const auto* add = proposal.get<mls::Add>()) {
    tree.add_leaf(add->key_package.leaf_node);
  } else if (const auto* update = proposal.get<mls::Update>()) {
    tree.update_leaf(sender, update->leaf_node);
  } else if (const auto* remove = proposal.get<mls::Remove>()) {
    tree.remove_leaf(remove->removed);
  } else {
    throw Mismatch("the proposal is neither Add, Update nor Remove");
  }
}

// One member of the treekem vector's group: what it has private, and signs with.
struct PrivateLeaf {
  mls::TreeKeys keys;
  crypto::SignatureKeyPair signer;
};

void check_private_key(const RatchetTree& tree, NodeIndex node, View public_key) {
  const SmallBytes* expected = tree.encryption_key(node);
  const std::string name = "node " + std::to_string(value(node));
  check(expected != nullptr, name + " is blank, and a member has its private key");
  check_equal(public_key, *expected, "the public key of " + name);
}

PrivateLeaf private_leaf(const Suite& suite, const RatchetTree& tree, const Json& v) {
  const LeafIndex index{v.at("index").get<uint32_t>()};
  auto leaf_key = hpke_key(suite, v, "encryption_priv");
  check_private_key(tree, node_of(index), leaf_key.public_key);
  PrivateLeaf out{mls::TreeKeys(index, std::move(leaf_key)),
                  signature_key(suite, v, "signature_priv")};
  check_equal(out.signer.public_key, tree.leaf(index)->signature_key, "a leaf's signature key");
  for (const Json& step : v.at("path_secrets")) {
    const NodeIndex node{step.at("node").get<uint32_t>()};
    mls::PathSecrets one = mls::derive_path(suite, {node}, secret(step, "path_secret"));
    check_private_key(tree, node, one.steps.front().key->public_key);
    out.keys.set(one);
  }
  return out;
}

// The group of a treekem vector.
struct KemGroup {
  const Suite& suite;
  const Json& vector;
  Bytes group_id;
  RatchetTree tree;
  std::map<LeafIndex, PrivateLeaf> leaves;

  // The GroupContext for a path that made `after` of the tree, encoded.
  Bytes context(const RatchetTree& after) const {
    return codec::encode(
        mls::GroupContext{.cipher_suite = suite.id,
                          .group_id = group_id,
                          .epoch = vector.at("epoch").get<uint64_t>(),
                          .tree_hash = after.tree_hash(suite),
                          .confirmed_transcript_hash = hex(vector, "confirmed_transcript_hash")});
  }
};

// An UpdatePath of our own making.
struct OwnPath {
  mls::UpdatePath path;
  Secret commit_secret;
};

OwnPath make_path(const KemGroup& group, LeafIndex sender, const PrivateLeaf& from) {
  const Suite& suite = group.suite;
  crypto::SystemRandom random;
  RatchetTree tree = group.tree;
  mls::NewPath made(suite, tree, sender, {}, random);
  std::vector<Bytes> public_keys;
  for (const mls::PathStep& step : made.secrets.steps) public_keys.push_back(step.key->public_key);

  OwnPath out{{.leaf_node = *tree.leaf(sender), .nodes = {}}, {}};
  mls::LeafNode& leaf = out.path.leaf_node;
  leaf.encryption_key = made.leaf_key.public_key;
  leaf.leaf_node_source = mls::LeafNodeSource::commit;
  leaf.parent_hash = mls::set_path(suite, tree, sender, public_keys);
  leaf.sign(suite, from.signer, mls::LeafPosition{group.group_id, sender});
  tree.set_leaf(sender, leaf);
  out.path.nodes = made.encrypt(group.context(tree));
  out.commit_secret = std::move(made.secrets.commit_secret);
  return out;
}

// Every other member processes the path. `path_secrets` is null for a path that is not the
// vector's.
void check_receivers(const KemGroup& group, LeafIndex sender, const mls::UpdatePath& path,
                     const RatchetTree& after, const Secret& commit_secret,
                     const Json* path_secrets) {
  const Bytes context = group.context(after);
  for (LeafIndex index : group.tree.members()) {
    if (index == sender) continue;
    const std::string who = " for leaf " + std::to_string(value(index));
    auto receiver = group.leaves.find(index);
    check(receiver != group.leaves.end(), "no private keys" + who);
    mls::PathSecrets opened =
        mls::decrypt_path(group.suite, after, receiver->second.keys, sender, path, context, {});
    check(opened.commit_secret == commit_secret, "commit_secret" + who + " differs");
    if (path_secrets == nullptr) continue;
    check_equal(opened.steps.front().path_secret.reveal(), hex(path_secrets->at(value(index))),
                "path_secret" + who);
  }
}

void verify_update_path(const KemGroup& group, const Json& v) {
  const LeafIndex sender{v.at("sender").get<uint32_t>()};
  const Bytes bytes = hex(v, "update_path");
  auto path = codec::decode<mls::UpdatePath>(bytes);
  check_equal(codec::encode(path), bytes, "update_path, encoded again,");
  RatchetTree after = group.tree;
  mls::merge_update_path(group.suite, after, sender, path, group.group_id);
  check_receivers(group, sender, path, after, secret(v, "commit_secret"), &v.at("path_secrets"));
  check_equal(after.tree_hash(group.suite), hex(v, "tree_hash_after"), "tree_hash_after");

  OwnPath own = make_path(group, sender, group.leaves.at(sender));
  after = group.tree;
  mls::merge_update_path(group.suite, after, sender, own.path, group.group_id);
  check_receivers(group, sender, own.path, after, own.commit_secret, nullptr);
}

}  // namespace

void verify_tree_operations(const Json& vector) {
  const Suite& suite = suite_of(vector);
  RatchetTree tree = tree_of(vector, "tree_before");
  check_equal(tree.tree_hash(suite), hex(vector, "tree_hash_before"), "tree_hash_before");
  apply(tree, codec::decode<mls::Proposal>(hex(vector, "proposal")),
        LeafIndex{vector.at("proposal_sender").get<uint32_t>()});
  check_equal(codec::encode(tree), hex(vector, "tree_after"), "tree_after");
  check_equal(tree.tree_hash(suite), hex(vector, "tree_hash_after"), "tree_hash_after");
}

void verify_tree_validation(const Json& vector) {
  const Suite& suite = suite_of(vector);
  const RatchetTree tree = tree_of(vector, "tree");
  const Json& resolutions = vector.at("resolutions");
  const Json& tree_hashes = vector.at("tree_hashes");
  const uint32_t count = mls::node_count(tree.width());
  check(resolutions.size() == count, "the number of resolutions differs");
  check(tree_hashes.size() == count, "the number of tree hashes differs");
  for (uint32_t i = 0; i < count; ++i) {
    const std::string node = " of node " + std::to_string(i);
    check(tree.resolution(NodeIndex{i}) == resolutions[i].get<std::vector<NodeIndex>>(),
          "the resolution" + node + " differs");
    check_equal(tree.tree_hash(suite, NodeIndex{i}), hex(tree_hashes[i]), "the tree hash" + node);
  }
  mls::validate_unmerged_leaves(tree);
  mls::validate_parent_hashes(suite, tree);
  const Bytes group_id = hex(vector, "group_id");
  for (LeafIndex index : tree.members()) {
    const mls::LeafNode& leaf = *tree.leaf(index);
    std::optional<mls::LeafPosition> position;
    if (leaf.leaf_node_source != mls::LeafNodeSource::key_package) position = {group_id, index};
    check(leaf.verify(suite, position),
          "the signature of leaf " + std::to_string(value(index)) + " does not verify");
  }
}

void verify_treekem(const Json& vector) {
  const Suite& suite = suite_of(vector);
  KemGroup group{suite, vector, hex(vector, "group_id"), tree_of(vector, "ratchet_tree"), {}};
  for (const Json& v : vector.at("leaves_private")) {
    PrivateLeaf leaf = private_leaf(suite, group.tree, v);
    group.leaves.emplace(leaf.keys.leaf_index(), std::move(leaf));
  }
  for (const Json& v : vector.at("update_paths")) verify_update_path(group, v);
}

}  // namespace qnpc::vectors
