#include "qnpc/mls/ratchet_tree.h"

#include <algorithm>

#include "qnpc/base/limits.h"

namespace qnpc::mls {

RatchetTree::Slot RatchetTree::read_slot(codec::Reader& r, NodeIndex node) {
  Slot slot;
  uint8_t present = r.u8();
  require(present <= 1, Reject::malformed_tree);
  if (present == 0) return slot;
  NodeType type = codec::read<NodeType>(r);
  require(type == (is_leaf(node) ? NodeType::leaf : NodeType::parent), Reject::malformed_tree);
  if (is_leaf(node)) {
    slot.leaf = std::make_shared<const LeafNode>(codec::read<LeafNode>(r));
  } else {
    slot.parent = std::make_shared<const ParentNode>(codec::read<ParentNode>(r));
  }
  return slot;
}

RatchetTree RatchetTree::read(codec::Reader& r) {
  codec::Reader nodes = r.vector();
  RatchetTree tree;
  tree.slots_.clear();
  while (!nodes.at_end()) {
    require(tree.slots_.size() < node_count(limits::mls_members), Reject::tree_too_large);
    NodeIndex index{static_cast<uint32_t>(tree.slots_.size())};
    tree.slots_.push_back(read_slot(nodes, index));
  }
  // 12.4.3.3: the last node is not blank; blank ones are added up to a full tree. It is a leaf: a
  // parent with nothing to its right is one that no commit makes (7.7).
  require(!tree.slots_.empty() && tree.slots_.back().leaf, Reject::malformed_tree);
  tree.slots_.resize(node_count(tree_width(static_cast<uint32_t>(tree.slots_.size() / 2 + 1))));
  return tree;
}

std::vector<NodeIndex> RatchetTree::changed_since(const RatchetTree& earlier) const {
  static const Slot blank;
  std::vector<NodeIndex> out;
  for (uint32_t i = 0; i < std::max(slots_.size(), earlier.slots_.size()); ++i) {
    const Slot& now = i < slots_.size() ? slots_[i] : blank;
    const Slot& then = i < earlier.slots_.size() ? earlier.slots_[i] : blank;
    if (now.leaf != then.leaf || now.parent != then.parent) out.push_back(NodeIndex{i});
  }
  return out;
}

void RatchetTree::read_node(codec::Reader& r, NodeIndex node) {
  Slot read = read_slot(r, node);
  blank(node);
  Slot& s = changed_slot(node);
  s.leaf = std::move(read.leaf);
  s.parent = std::move(read.parent);
}

// The narrower tree is the wider one's left subtree, so that hashes stay what they are.
void RatchetTree::set_width(uint32_t width) {
  slots_.resize(node_count(width));
  no_blank_before_ = std::min(no_blank_before_, width);
}

const RatchetTree::Slot* RatchetTree::slot(NodeIndex node) const {
  return value(node) < slots_.size() ? &slots_[value(node)] : nullptr;
}

const LeafNode* RatchetTree::leaf(LeafIndex index) const {
  if (value(index) >= width()) return nullptr;
  return slot(node_of(index))->leaf.get();
}

const ParentNode* RatchetTree::parent(NodeIndex index) const {
  const Slot* s = slot(index);
  return s == nullptr ? nullptr : s->parent.get();
}

bool RatchetTree::is_blank(NodeIndex node) const {
  const Slot* s = slot(node);
  return s == nullptr || (!s->leaf && !s->parent);
}

const Bytes* RatchetTree::encryption_key(NodeIndex node) const {
  const Slot* s = slot(node);
  if (s != nullptr && s->leaf) return &s->leaf->encryption_key;
  if (s != nullptr && s->parent) return &s->parent->encryption_key;
  return nullptr;
}

std::vector<LeafIndex> RatchetTree::members() const {
  std::vector<LeafIndex> out;
  for (uint32_t i = 0; i < width(); ++i) {
    if (leaf(LeafIndex{i}) != nullptr) out.push_back(LeafIndex{i});
  }
  return out;
}

// Clears the hashes from the node to the root: a cached hash below a cleared one stays right.
RatchetTree::Slot& RatchetTree::changed_slot(NodeIndex node) {
  NodeIndex above = node;
  slots_[value(node)].hash.clear();
  while (above != root()) {
    above = mls::parent(above);
    slots_[value(above)].hash.clear();
  }
  return slots_[value(node)];
}

void RatchetTree::set_leaf(LeafIndex index, LeafNode leaf) {
  changed_slot(node_of(index)).leaf = std::make_shared<const LeafNode>(std::move(leaf));
}

void RatchetTree::set_parent(NodeIndex index, ParentNode parent) {
  changed_slot(index).parent = std::make_shared<const ParentNode>(std::move(parent));
}

void RatchetTree::blank(NodeIndex node) {
  if (is_blank(node)) return;
  Slot& s = changed_slot(node);
  s.leaf.reset();
  s.parent.reset();
  if (is_leaf(node)) no_blank_before_ = std::min(no_blank_before_, value(leaf_of(node)));
}

LeafIndex RatchetTree::leftmost_blank_leaf() const {
  while (no_blank_before_ < width() && leaf(LeafIndex{no_blank_before_}) != nullptr) {
    ++no_blank_before_;
  }
  return LeafIndex{no_blank_before_};
}

void RatchetTree::extend_to(LeafIndex index) {
  require(value(index) < limits::mls_members, Reject::tree_too_large);
  // Doubling puts a new root above; the old tree is its left subtree, with its hashes.
  while (value(index) >= width()) slots_.resize(2 * slots_.size() + 1);
}

LeafIndex RatchetTree::add_leaf(LeafNode leaf) {
  LeafIndex index = leftmost_blank_leaf();
  extend_to(index);
  for (NodeIndex node : direct_path(node_of(index), width())) {
    const ParentNode* above = parent(node);
    if (above == nullptr) continue;
    ParentNode unmerged = *above;
    auto& leaves = unmerged.unmerged_leaves;
    leaves.insert(std::ranges::upper_bound(leaves, index), index);
    set_parent(node, std::move(unmerged));
  }
  set_leaf(index, std::move(leaf));
  return index;
}

void RatchetTree::update_leaf(LeafIndex index, LeafNode leaf) {
  set_leaf(index, std::move(leaf));
  for (NodeIndex node : direct_path(node_of(index), width())) blank(node);
}

void RatchetTree::remove_leaf(LeafIndex index) {
  blank(node_of(index));
  for (NodeIndex node : direct_path(node_of(index), width())) blank(node);
  truncate();
}

void RatchetTree::truncate() {
  auto right_half_blank = [&] {
    for (uint32_t i = width() / 2; i < width(); ++i) {
      if (leaf(LeafIndex{i}) != nullptr) return false;
    }
    return true;
  };
  while (width() > 1 && right_half_blank()) slots_.resize(slots_.size() / 2);
  no_blank_before_ = std::min(no_blank_before_, width());
}

std::vector<NodeIndex> RatchetTree::resolution(NodeIndex node) const {
  std::vector<NodeIndex> out;
  append_resolution(node, out);
  return out;
}

void RatchetTree::append_resolution(NodeIndex node, std::vector<NodeIndex>& out) const {
  if (!is_blank(node)) {
    out.push_back(node);
    if (const ParentNode* p = parent(node)) {
      for (LeafIndex leaf : p->unmerged_leaves) out.push_back(node_of(leaf));
    }
  } else if (!is_leaf(node)) {
    append_resolution(left(node), out);
    append_resolution(right(node), out);
  }
}

std::vector<NodeIndex> RatchetTree::filtered_direct_path(LeafIndex index) const {
  std::vector<NodeIndex> path = direct_path(node_of(index), width());
  std::erase_if(path,
                [&](NodeIndex node) { return resolution(copath_child(node, index)).empty(); });
  return path;
}

NodeIndex RatchetTree::copath_child(NodeIndex ancestor, LeafIndex leaf) {
  return value(node_of(leaf)) < value(ancestor) ? right(ancestor) : left(ancestor);
}

}  // namespace qnpc::mls
