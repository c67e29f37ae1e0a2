// tree_hash: tree hashes, RFC 9420 7.8, and the variant that parent hashes need, 7.9.

#include <algorithm>

#include "qnpc/mls/ratchet_tree.h"

namespace qnpc::mls {
namespace {

// TreeHashInput of a leaf; null stands for a blank one.
Bytes leaf_hash(const Suite& suite, LeafIndex index, const LeafNode* leaf) {
  codec::Writer w;
  codec::write(w, NodeType::leaf);
  codec::write(w, index);
  w.u8(leaf != nullptr ? 1 : 0);
  if (leaf != nullptr) codec::write(w, *leaf);
  return crypto::digest(suite.hash(), w.view());
}

Bytes parent_node_hash(const Suite& suite, const ParentNode* parent, View left_hash,
                       View right_hash) {
  codec::Writer w;
  codec::write(w, NodeType::parent);
  w.u8(parent != nullptr ? 1 : 0);
  if (parent != nullptr) codec::write(w, *parent);
  w.opaque(left_hash);
  w.opaque(right_hash);
  return crypto::digest(suite.hash(), w.view());
}

// `leaves` is ascending.
bool any_in_subtree(const std::vector<LeafIndex>& leaves, NodeIndex node) {
  auto first = std::ranges::partition_point(
      leaves, [&](LeafIndex l) { return node_of(l) < node && !in_subtree(node_of(l), node); });
  return first != leaves.end() && in_subtree(node_of(*first), node);
}

}  // namespace

Bytes RatchetTree::tree_hash(const Suite& suite, NodeIndex node) const {
  const Slot& s = slots_[value(node)];
  if (is_leaf(node)) return leaf_hash(suite, leaf_of(node), s.leaf.get());
  const size_t i = value(node) / 2;
  if (hashes_[i].empty()) {
    hashes_.edit(i) = parent_node_hash(suite, s.parent.get(), tree_hash(suite, left(node)),
                                       tree_hash(suite, right(node)));
  }
  return hashes_[i];
}

Bytes tree_hash_without(const Suite& suite, const RatchetTree& tree, NodeIndex node,
                        const std::vector<LeafIndex>& without) {
  if (!any_in_subtree(without, node)) return tree.tree_hash(suite, node);
  if (is_leaf(node)) return leaf_hash(suite, leaf_of(node), nullptr);
  Bytes left_hash = tree_hash_without(suite, tree, left(node), without);
  Bytes right_hash = tree_hash_without(suite, tree, right(node), without);
  const ParentNode* parent = tree.parent(node);
  if (parent == nullptr) return parent_node_hash(suite, nullptr, left_hash, right_hash);
  ParentNode original = *parent;
  std::erase_if(original.unmerged_leaves,
                [&](LeafIndex leaf) { return std::ranges::binary_search(without, leaf); });
  return parent_node_hash(suite, &original, left_hash, right_hash);
}

}  // namespace qnpc::mls
