#include "qnpc/mls/tree_validation.h"

#include <algorithm>

#include "qnpc/base/parallel.h"

namespace qnpc::mls {
namespace {

// The parent_hash field of a node, or null for one that has none.
const SmallBytes* parent_hash_of(const RatchetTree& tree, NodeIndex node) {
  if (const ParentNode* parent = tree.parent(node)) return &parent->parent_hash;
  if (!is_leaf(node)) return nullptr;
  const LeafNode* leaf = tree.leaf(leaf_of(node));
  bool has = leaf != nullptr && leaf->leaf_node_source == LeafNodeSource::commit;
  return has ? &leaf->parent_hash : nullptr;
}

// How many nodes D below `child` make `parent` parent-hash valid (7.9.2): D is in the resolution
// of the child, and the rest of that resolution is what is unmerged at the parent on this side.
int chains_through(const Suite& suite, const RatchetTree& tree, NodeIndex parent, NodeIndex child) {
  const ParentNode& p = *tree.parent(parent);
  std::vector<NodeIndex> resolution = tree.resolution(child);
  std::vector<NodeIndex> unmerged;
  for (LeafIndex leaf : p.unmerged_leaves) {
    if (in_subtree(node_of(leaf), child)) unmerged.push_back(node_of(leaf));
  }
  if (resolution.size() != unmerged.size() + 1) return 0;
  std::ranges::sort(resolution);
  Bytes expected;
  int found = 0;
  for (NodeIndex d : resolution) {
    const SmallBytes* actual = parent_hash_of(tree, d);
    if (actual == nullptr || std::ranges::binary_search(unmerged, d)) continue;
    std::vector<NodeIndex> rest = resolution;
    std::erase(rest, d);
    if (rest != unmerged) continue;
    if (expected.empty()) expected = compute_parent_hash(suite, tree, p, sibling(child));
    if (*actual == expected) ++found;
  }
  return found;
}

}  // namespace

Bytes compute_parent_hash(const Suite& suite, const RatchetTree& tree, const ParentNode& parent,
                          NodeIndex sibling) {
  codec::Writer w;  // ParentHashInput
  w.opaque(parent.encryption_key);
  w.opaque(parent.parent_hash);
  w.opaque(tree_hash_without(suite, tree, sibling, parent.unmerged_leaves));
  return crypto::digest(suite.hash(), w.view());
}

void validate_parent_hashes(const Suite& suite, const RatchetTree& tree) {
  tree.tree_hash(suite);          // all are kept then, so that several threads may read them
  constexpr uint32_t block = 64;  // nodes: one takes some microseconds
  const uint32_t count = node_count(tree.width());
  parallel_for((count + block - 1) / block, [&](size_t b) {
    const uint32_t begin = static_cast<uint32_t>(b) * block;
    for (uint32_t i = begin + 1; i < std::min(begin + block, count); i += 2) {
      NodeIndex node{i};
      if (tree.parent(node) == nullptr) continue;
      int chains = chains_through(suite, tree, node, left(node)) +
                   chains_through(suite, tree, node, right(node));
      require(chains == 1, Reject::wrong_parent_hash);
    }
  });
}

void validate_unmerged_leaves(const RatchetTree& tree) {
  uint32_t count = node_count(tree.width());
  for (uint32_t i = 1; i < count; i += 2) {
    NodeIndex node{i};
    const ParentNode* parent = tree.parent(node);
    if (parent == nullptr) continue;
    const auto& leaves = parent->unmerged_leaves;
    bool ascending = std::ranges::adjacent_find(leaves, std::greater_equal{}) == leaves.end();
    require(ascending, Reject::bad_unmerged_leaves);
    for (LeafIndex leaf : leaves) {
      require(tree.leaf(leaf) != nullptr && in_subtree(node_of(leaf), node),
              Reject::bad_unmerged_leaves);
      for (NodeIndex between = mls::parent(node_of(leaf)); between != node;
           between = mls::parent(between)) {
        const ParentNode* inner = tree.parent(between);
        require(inner == nullptr || std::ranges::binary_search(inner->unmerged_leaves, leaf),
                Reject::bad_unmerged_leaves);
      }
    }
  }
}

void validate_keys(const Suite& suite, const RatchetTree& tree) {
  uint32_t count = node_count(tree.width());
  for (uint32_t i = 0; i < count; ++i) {
    const SmallBytes* key = tree.encryption_key(NodeIndex{i});
    require(key == nullptr || crypto::valid_hpke_key(suite.kem(), *key), Reject::bad_public_key);
  }
  require(tree.encryption_keys_differ(), Reject::duplicate_encryption_key);
  require(tree.signature_keys_differ(), Reject::duplicate_signature_key);
}

void validate_leaves(const Suite& suite, const RatchetTree& tree, View group_id,
                     const Extensions& group_context_extensions, const LifetimeRule& lifetimes) {
  const std::vector<LeafIndex> members = tree.members();
  parallel_for(members.size(), [&](size_t i) {
    const LeafNode& leaf = *tree.leaf(members[i]);
    std::optional<LeafPosition> position;
    if (leaf.leaf_node_source != LeafNodeSource::key_package) position = {group_id, members[i]};
    validate_leaf(suite, leaf, leaf.leaf_node_source, position);
    if (leaf.leaf_node_source == LeafNodeSource::key_package) {
      require_bounded(leaf.lifetime, lifetimes);
    }
  });
  require_mutual_support(tree, group_context_extensions, members);
}

void require_mutual_support(const RatchetTree& tree, const Extensions& group_context_extensions,
                            const std::vector<LeafIndex>& leaves) {
  const GroupNeeds needs(group_context_extensions);
  for (LeafIndex index : leaves) require_support(tree, needs, *tree.leaf(index));
}

void require_support(const RatchetTree& tree, const GroupNeeds& needs, const LeafNode& leaf) {
  require_group_support(leaf, needs);
  for (const auto& [type, count] : tree.credential_types()) {
    require(leaf.capabilities.supports(type), Reject::unsupported_credential);
  }
}

}  // namespace qnpc::mls
