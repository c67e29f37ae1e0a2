// RFC 9420 appendix C: the arithmetic against the tree that it stands for, and the RFC's figures.
#include "qnpc/mls/tree_math.h"

#include <gtest/gtest.h>

namespace qnpc::mls {
namespace {

// The subtree of `leaves` leaves from `first` on, checked recursively; returns its root.
NodeIndex check_subtree(uint32_t first, uint32_t leaves) {
  NodeIndex node{2 * first + leaves - 1};
  EXPECT_EQ(is_leaf(node), leaves == 1);
  EXPECT_EQ(uint32_t{1} << level(node), leaves);
  if (leaves == 1) return node;
  NodeIndex l = check_subtree(first, leaves / 2);
  NodeIndex r = check_subtree(first + leaves / 2, leaves / 2);
  EXPECT_EQ(left(node), l);
  EXPECT_EQ(right(node), r);
  EXPECT_EQ(parent(l), node);
  EXPECT_EQ(parent(r), node);
  EXPECT_EQ(sibling(l), r);
  EXPECT_EQ(sibling(r), l);
  for (uint32_t i = 0; i < 2 * 64; ++i) {
    bool below = i >= 2 * first && i < 2 * (first + leaves) - 1;
    EXPECT_EQ(in_subtree(NodeIndex{i}, node), below) << i;
  }
  return node;
}

TEST(TreeMath, AgreesWithTheTreeItStandsFor) {
  for (uint32_t width = 1; width <= 64; width *= 2) EXPECT_EQ(check_subtree(0, width), root(width));
}

TEST(TreeMath, WidthIsThePowerOfTwoThatHoldsTheLeaves) {
  EXPECT_EQ(tree_width(0), 1u);
  EXPECT_EQ(tree_width(1), 1u);
  EXPECT_EQ(tree_width(5), 8u);
  EXPECT_EQ(tree_width(8), 8u);
  EXPECT_EQ(node_count(8), 15u);
}

TEST(TreeMath, DirectPathLeadsToTheRoot) {
  EXPECT_EQ(direct_path(NodeIndex{4}, 8), (std::vector{NodeIndex{5}, NodeIndex{3}, NodeIndex{7}}));
  EXPECT_TRUE(direct_path(NodeIndex{7}, 8).empty());
  EXPECT_TRUE(direct_path(NodeIndex{0}, 1).empty());
}

TEST(TreeMath, CommonAncestorIsTheLowestNodeAboveBoth) {
  for (uint32_t a = 0; a < 32; ++a) {
    for (uint32_t b = 0; b < 32; ++b) {
      NodeIndex expected = node_of(LeafIndex{a});
      while (!in_subtree(node_of(LeafIndex{b}), expected)) expected = parent(expected);
      EXPECT_EQ(common_ancestor(LeafIndex{a}, LeafIndex{b}), expected) << a << ", " << b;
    }
  }
}

}  // namespace
}  // namespace qnpc::mls
