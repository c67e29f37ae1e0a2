// tree_math: the array-based trees of RFC 9420 appendix C. Trees are full: the number of leaves is
// a power of two.
#pragma once

#include <bit>
#include <vector>

#include "qnpc/mls/code_points.h"

namespace qnpc::mls {

/// The width of the smallest full tree with room for `leaves` of them; at least 1.
constexpr uint32_t tree_width(uint32_t leaves) { return std::bit_ceil(leaves == 0 ? 1 : leaves); }
constexpr uint32_t node_count(uint32_t width) { return 2 * width - 1; }

constexpr NodeIndex node_of(LeafIndex leaf) { return NodeIndex{2 * value(leaf)}; }
constexpr bool is_leaf(NodeIndex node) { return value(node) % 2 == 0; }
/// Only for leaves.
constexpr LeafIndex leaf_of(NodeIndex node) { return LeafIndex{value(node) / 2}; }

/// 0 for a leaf, 1 for its parent, and so on.
constexpr uint32_t level(NodeIndex node) {
  return static_cast<uint32_t>(std::countr_one(value(node)));
}
constexpr NodeIndex root(uint32_t width) { return NodeIndex{width - 1}; }
/// Only for parents.
constexpr NodeIndex left(NodeIndex node) {
  return NodeIndex{value(node) ^ (uint32_t{1} << (level(node) - 1))};
}
constexpr NodeIndex right(NodeIndex node) {
  return NodeIndex{value(node) ^ (uint32_t{3} << (level(node) - 1))};
}
/// Only for nodes below the root.
constexpr NodeIndex parent(NodeIndex node) {
  uint32_t k = level(node);
  uint32_t bit = (value(node) >> (k + 1)) & 1;
  return NodeIndex{(value(node) | (uint32_t{1} << k)) ^ (bit << (k + 1))};
}
constexpr NodeIndex sibling(NodeIndex node) {
  NodeIndex p = parent(node);
  return value(node) < value(p) ? right(p) : left(p);
}

/// Whether `node` is `ancestor` or stands below it.
constexpr bool in_subtree(NodeIndex node, NodeIndex ancestor) {
  uint32_t reach = (uint32_t{1} << level(ancestor)) - 1;
  return value(node) + reach >= value(ancestor) && value(node) <= value(ancestor) + reach;
}

/// From the node's parent to the root; empty for the root itself.
inline std::vector<NodeIndex> direct_path(NodeIndex node, uint32_t width) {
  std::vector<NodeIndex> out;
  while (node != root(width)) {
    node = parent(node);
    out.push_back(node);
  }
  return out;
}

/// The lowest node that has both leaves below it (or is both).
constexpr NodeIndex common_ancestor(LeafIndex a, LeafIndex b) {
  uint32_t x = 2 * value(a);
  uint32_t y = 2 * value(b);
  uint32_t k = static_cast<uint32_t>(std::bit_width(x ^ y));
  return k == 0 ? NodeIndex{x} : NodeIndex{(x >> k << k) + (uint32_t{1} << (k - 1)) - 1};
}

}  // namespace qnpc::mls
