#include "tests/mls/naive_tree.h"

#include <algorithm>

namespace qnpc::test {

using mls::LeafIndex;
using mls::LeafNode;
using mls::NodeIndex;

std::unique_ptr<NaiveNode> NaiveTree::blank_subtree(uint32_t first_leaf, uint32_t leaves) {
  auto node = std::make_unique<NaiveNode>();
  node->first_leaf = first_leaf;
  node->leaves = leaves;
  if (leaves > 1) {
    node->left = blank_subtree(first_leaf, leaves / 2);
    node->right = blank_subtree(first_leaf + leaves / 2, leaves / 2);
  }
  return node;
}

NaiveNode* NaiveTree::leftmost_blank_leaf(NaiveNode& node) {
  if (node.is_leaf()) return node.leaf ? nullptr : &node;
  NaiveNode* found = leftmost_blank_leaf(*node.left);
  return found != nullptr ? found : leftmost_blank_leaf(*node.right);
}

bool NaiveTree::has_member(const NaiveNode& node) {
  if (node.is_leaf()) return node.leaf.has_value();
  return has_member(*node.left) || has_member(*node.right);
}

const NaiveNode& NaiveTree::find_leaf(const NaiveNode& node, uint32_t leaf_index) {
  if (node.is_leaf()) return node;
  return find_leaf(node.left->contains(leaf_index) ? *node.left : *node.right, leaf_index);
}

NaiveTree::Path NaiveTree::path_to(uint32_t leaf_index) const {
  Path path{root_.get()};
  while (!path.back()->is_leaf()) {
    NaiveNode* node = path.back();
    path.push_back((node->left->contains(leaf_index) ? node->left : node->right).get());
  }
  return path;
}

uint32_t NaiveTree::add(LeafNode leaf) {
  NaiveNode* free = leftmost_blank_leaf(*root_);
  if (free == nullptr) {
    auto above = std::make_unique<NaiveNode>();
    above->leaves = 2 * root_->leaves;
    above->right = blank_subtree(root_->leaves, root_->leaves);
    above->left = std::move(root_);
    root_ = std::move(above);
    free = leftmost_blank_leaf(*root_);
  }
  const uint32_t index = free->first_leaf;
  for (NaiveNode* node : path_to(index)) {
    if (!node->parent) continue;
    node->parent->unmerged_leaves.push_back(LeafIndex{index});
    std::ranges::sort(node->parent->unmerged_leaves);
  }
  free->leaf = std::move(leaf);
  return index;
}

void NaiveTree::update(uint32_t leaf_index, LeafNode leaf) {
  for (NaiveNode* node : path_to(leaf_index)) node->parent.reset();
  path_to(leaf_index).back()->leaf = std::move(leaf);
}

void NaiveTree::remove(uint32_t leaf_index) {
  for (NaiveNode* node : path_to(leaf_index)) {
    node->parent.reset();
    node->leaf.reset();
  }
  while (!root_->is_leaf() && !has_member(*root_->right)) {
    std::unique_ptr<NaiveNode> kept = std::move(root_->left);
    root_ = std::move(kept);
  }
}

// 4.1.1: a node and its unmerged leaves; of a blank node, what its children resolve to.
std::vector<const NaiveNode*> NaiveTree::resolution(const NaiveNode& node) {
  if (node.is_leaf()) return node.leaf ? std::vector{&node} : std::vector<const NaiveNode*>{};
  std::vector<const NaiveNode*> out;
  if (node.parent) {
    out.push_back(&node);
    for (LeafIndex leaf : node.parent->unmerged_leaves) {
      out.push_back(&find_leaf(node, value(leaf)));
    }
    return out;
  }
  for (const auto* child : {node.left.get(), node.right.get()}) {
    for (const NaiveNode* below : resolution(*child)) out.push_back(below);
  }
  return out;
}

// From the bottom to the top.
NaiveTree::Path NaiveTree::filtered_path(uint32_t leaf_index) const {
  Path out;
  for (NaiveNode* node : path_to(leaf_index)) {
    if (node->is_leaf()) continue;
    const NaiveNode& copath = node->left->contains(leaf_index) ? *node->right : *node->left;
    if (!resolution(copath).empty()) out.insert(out.begin(), node);
  }
  return out;
}

std::vector<NodeIndex> NaiveTree::filtered_direct_path(uint32_t leaf_index) const {
  std::vector<NodeIndex> out;
  for (const NaiveNode* node : filtered_path(leaf_index)) out.push_back(node->index());
  return out;
}

Bytes NaiveTree::set_path(uint32_t leaf_index, LeafNode leaf, const std::vector<Bytes>& keys) {
  const Path path = filtered_path(leaf_index);
  if (path.size() != keys.size()) throw Error(Reason::internal, "a path of another length");
  for (NaiveNode* node : path_to(leaf_index)) node->parent.reset();
  for (size_t i = 0; i < path.size(); ++i) path[i]->parent = mls::ParentNode{keys[i], {}, {}};
  path_to(leaf_index).back()->leaf = std::move(leaf);

  Bytes hash;  // what the node above gives to the one below it
  for (size_t i = path.size(); i-- > 0;) {
    NaiveNode& node = *path[i];
    node.parent->parent_hash = hash;
    hash = parent_hash(node, node.left->contains(leaf_index) ? *node.right : *node.left);
  }
  return hash;
}

// 7.8, as if the leaves `without` had never been added.
Bytes NaiveTree::tree_hash(const NaiveNode& node, const Leaves& without) const {
  auto gone = [&](LeafIndex leaf) { return std::ranges::find(without, leaf) != without.end(); };
  codec::Writer w;
  if (node.is_leaf()) {
    w.u8(1);
    w.u32(node.first_leaf);
    std::optional<LeafNode> leaf = node.leaf;
    if (gone(LeafIndex{node.first_leaf})) leaf.reset();
    codec::write(w, leaf);
  } else {
    w.u8(2);
    std::optional<mls::ParentNode> parent = node.parent;
    if (parent) std::erase_if(parent->unmerged_leaves, gone);
    codec::write(w, parent);
    codec::write(w, tree_hash(*node.left, without));
    codec::write(w, tree_hash(*node.right, without));
  }
  return crypto::digest(suite_->hash(), w.view());
}

// 7.9, with the original sibling tree hash.
Bytes NaiveTree::parent_hash(const NaiveNode& node, const NaiveNode& copath_child) const {
  codec::Writer w;
  w.opaque(node.parent->encryption_key);
  w.opaque(node.parent->parent_hash);
  w.opaque(tree_hash(copath_child, node.parent->unmerged_leaves));
  return crypto::digest(suite_->hash(), w.view());
}

// 7.9.2: one node D of the child's resolution holds the parent hash of `node`, and the others of
// that resolution are exactly the unmerged leaves of `node` on this side.
bool NaiveTree::links_to(const NaiveNode& node, const NaiveNode& child,
                         const NaiveNode& other) const {
  const Bytes expected = parent_hash(node, other);
  const std::vector<const NaiveNode*> all = resolution(child);
  Leaves unmerged;
  for (LeafIndex leaf : node.parent->unmerged_leaves) {
    if (child.contains(value(leaf))) unmerged.push_back(leaf);
  }
  return std::ranges::any_of(all, [&](const NaiveNode* d) {
    if ((d->parent ? d->parent->parent_hash : d->leaf->parent_hash) != expected) return false;
    Leaves others;
    for (const NaiveNode* rest : all) {
      if (rest == d) continue;
      if (!rest->is_leaf()) return false;
      others.push_back(LeafIndex{rest->first_leaf});
    }
    std::ranges::sort(others);
    return others == unmerged;
  });
}

bool NaiveTree::parent_hashes_valid(const NaiveNode& node) const {
  if (node.is_leaf()) return true;
  if (node.parent && !links_to(node, *node.left, *node.right) &&
      !links_to(node, *node.right, *node.left)) {
    return false;
  }
  return parent_hashes_valid(*node.left) && parent_hashes_valid(*node.right);
}

std::string NaiveTree::difference(const NaiveNode& node, const mls::RatchetTree& other) const {
  const std::string name = "node " + std::to_string(value(node.index())) + ": ";
  if (&node == root_.get() && other.width() != width()) return "the width differs";
  if (other.is_blank(node.index()) != node.is_blank()) return name + "blank in one only";
  if (node.leaf && *other.leaf(LeafIndex{node.first_leaf}) != *node.leaf) {
    return name + "the leaf differs";
  }
  if (node.parent && *other.parent(node.index()) != *node.parent) {
    return name + "the parent differs";
  }
  std::vector<NodeIndex> resolved;
  for (const NaiveNode* below : resolution(node)) resolved.push_back(below->index());
  if (other.resolution(node.index()) != resolved) return name + "the resolution differs";
  if (other.resolution_is_empty(node.index()) != resolved.empty()) {
    return name + "the resolution is empty in one";
  }
  if (other.tree_hash(*suite_, node.index()) != tree_hash(node, {})) {
    return name + "the tree hash differs";
  }
  if (node.is_leaf()) return {};
  std::string below = difference(*node.left, other);
  return below.empty() ? difference(*node.right, other) : below;
}

}  // namespace qnpc::test
