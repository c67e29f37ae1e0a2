// naive_tree: RFC 9420's ratchet tree as one would draw it: nodes with pointers to their children,
// every value computed anew by recursion. The oracle for core/mls, with which it shares the wire
// structs, the suites and the encoding, and no code of trees.
#pragma once

#include <memory>

#include "qnpc/mls/ratchet_tree.h"

namespace qnpc::test {

struct NaiveNode {
  uint32_t first_leaf = 0;
  uint32_t leaves = 1;                     // below it, blank ones too
  std::unique_ptr<NaiveNode> left, right;  // null in a leaf
  std::optional<mls::LeafNode> leaf;       // only in a leaf
  std::optional<mls::ParentNode> parent;   // only in a parent

  bool is_leaf() const { return leaves == 1; }
  bool is_blank() const { return !leaf && !parent; }
  bool contains(uint32_t leaf_index) const {
    return leaf_index >= first_leaf && leaf_index < first_leaf + leaves;
  }
  /// Its place in the array of nodes.
  mls::NodeIndex index() const { return mls::NodeIndex{2 * first_leaf + leaves - 1}; }
};

class NaiveTree {
 public:
  explicit NaiveTree(const mls::Suite& suite) : suite_(&suite), root_(blank_subtree(0, 1)) {}

  uint32_t width() const { return root_->leaves; }

  /// The operations of 7.7, 12.1.1, 12.1.2 and 12.1.3.
  uint32_t add(mls::LeafNode leaf);
  void update(uint32_t leaf_index, mls::LeafNode leaf);
  void remove(uint32_t leaf_index);

  /// 7.5: gives the filtered direct path these keys, from the bottom to the top, blanks the rest of
  /// the direct path, and sets the leaf. Returns the parent hash that the leaf should have.
  Bytes set_path(uint32_t leaf_index, mls::LeafNode leaf, const std::vector<Bytes>& keys);

  /// 4.1.2, from the bottom to the top.
  std::vector<mls::NodeIndex> filtered_direct_path(uint32_t leaf_index) const;
  Bytes tree_hash() const { return tree_hash(*root_, {}); }
  /// 7.9.2: whether every non-blank parent is parent-hash valid.
  bool parent_hashes_valid() const { return parent_hashes_valid(*root_); }

  /// What differs between this tree and that one, node by node; empty where nothing does.
  std::string difference(const mls::RatchetTree& other) const { return difference(*root_, other); }

 private:
  using Leaves = std::vector<mls::LeafIndex>;
  using Path = std::vector<NaiveNode*>;  // from the root to a leaf, both included

  static std::unique_ptr<NaiveNode> blank_subtree(uint32_t first_leaf, uint32_t leaves);
  static NaiveNode* leftmost_blank_leaf(NaiveNode& node);
  static bool has_member(const NaiveNode& node);
  static std::vector<const NaiveNode*> resolution(const NaiveNode& node);
  static const NaiveNode& find_leaf(const NaiveNode& node, uint32_t leaf_index);

  Path path_to(uint32_t leaf_index) const;
  Path filtered_path(uint32_t leaf_index) const;
  Bytes tree_hash(const NaiveNode& node, const Leaves& without) const;
  Bytes parent_hash(const NaiveNode& node, const NaiveNode& copath_child) const;
  bool parent_hashes_valid(const NaiveNode& node) const;
  bool links_to(const NaiveNode& node, const NaiveNode& child, const NaiveNode& other) const;
  std::string difference(const NaiveNode& node, const mls::RatchetTree& other) const;

  const mls::Suite* suite_;
  std::unique_ptr<NaiveNode> root_;
};

}  // namespace qnpc::test
