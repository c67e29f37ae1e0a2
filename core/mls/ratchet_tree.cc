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
  std::vector<Slot> slots;
  while (!nodes.at_end()) {
    require(slots.size() < node_count(limits::mls_members), Reject::tree_too_large);
    slots.push_back(read_slot(nodes, NodeIndex{static_cast<uint32_t>(slots.size())}));
  }
  // 12.4.3.3: the last node is not blank; blank ones are added up to a full tree. It is a leaf: a
  // parent with nothing to its right is one that no commit makes (7.7).
  require(!slots.empty() && slots.back().leaf, Reject::malformed_tree);
  RatchetTree tree;
  tree.resize(tree_width(static_cast<uint32_t>(slots.size() / 2 + 1)));
  tree.blank_from_ = static_cast<uint32_t>(slots.size());
  tree.no_leaf_from_ = tree.blank_from_ / 2 + 1;
  for (size_t i = 0; i < slots.size(); ++i) tree.slots_.edit(i) = std::move(slots[i]);
  tree.index_keys();
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
  put(node, std::move(read));
}

// The narrower tree is the wider one's left subtree, so that hashes stay what they are.
void RatchetTree::set_width(uint32_t width) {
  for (uint32_t i = node_count(width); i < slots_.size(); ++i) blank(NodeIndex{i});
  resize(width);
  no_blank_before_ = std::min(no_blank_before_, width);
}

void RatchetTree::index_keys() {
  std::vector<const SmallBytes*> encryption, signature;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& s = slots_[i];
    if (s.leaf) {
      encryption.push_back(&s.leaf->encryption_key);
      signature.push_back(&s.leaf->signature_key);
      ++credential_types_[s.leaf->credential.credential_type];
    } else if (s.parent) {
      encryption.push_back(&s.parent->encryption_key);
    }
  }
  encryption_keys_ = KeySet(encryption);
  signature_keys_ = KeySet(signature);
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

const SmallBytes* RatchetTree::encryption_key(NodeIndex node) const {
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

void RatchetTree::put(NodeIndex node, Slot slot) {
  const Slot& old = slots_[value(node)];
  if (old.leaf) {
    encryption_keys_.erase(&old.leaf->encryption_key);
    signature_keys_.erase(&old.leaf->signature_key);
    auto type = credential_types_.find(old.leaf->credential.credential_type);
    if (--type->second == 0) credential_types_.erase(type);
  }
  if (old.parent) encryption_keys_.erase(&old.parent->encryption_key);
  if (slot.leaf) {
    encryption_keys_.insert(&slot.leaf->encryption_key);
    signature_keys_.insert(&slot.leaf->signature_key);
    ++credential_types_[slot.leaf->credential.credential_type];
  }
  if (slot.parent) encryption_keys_.insert(&slot.parent->encryption_key);
  if (slot.leaf) no_leaf_from_ = std::max(no_leaf_from_, value(node) / 2 + 1);
  if (slot.leaf || slot.parent) blank_from_ = std::max(blank_from_, value(node) + 1);
  slots_.edit(value(node)) = std::move(slot);
  forget_hashes(node);
}

// From the node to the root: a hash that is kept below a forgotten one stays right.
void RatchetTree::forget_hashes(NodeIndex node) {
  while (true) {
    size_t i = value(node) / 2;
    if (!is_leaf(node) && !hashes_[i].empty()) hashes_.edit(i).clear();
    if (node == root()) return;
    node = mls::parent(node);
  }
}

void RatchetTree::resize(uint32_t width) {
  slots_.resize(node_count(width));
  hashes_.resize(width - 1);
  blank_from_ = std::min(blank_from_, node_count(width));
}

void RatchetTree::set_leaf(LeafIndex index, LeafNode leaf) {
  put(node_of(index), {std::make_shared<const LeafNode>(std::move(leaf)), nullptr});
}

void RatchetTree::set_parent(NodeIndex index, ParentNode parent) {
  put(index, {nullptr, std::make_shared<const ParentNode>(std::move(parent))});
}

void RatchetTree::blank(NodeIndex node) {
  if (is_blank(node)) return;
  put(node, {});
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
  while (value(index) >= width()) resize(2 * width());
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

// Each blank leaf is passed once, so that removing many members is linear.
void RatchetTree::truncate() {
  while (no_leaf_from_ > 0 && leaf(LeafIndex{no_leaf_from_ - 1}) == nullptr) --no_leaf_from_;
  // Of a tree that we were given, a parent there need not be blank: set_width() blanks it.
  const uint32_t fitting = tree_width(std::max(no_leaf_from_, 1U));
  if (fitting < width()) set_width(fitting);
}

std::vector<NodeIndex> RatchetTree::resolution(NodeIndex node) const {
  std::vector<NodeIndex> out;
  append_resolution(node, out);
  return out;
}

// So that the blank right part of a tree costs nothing.
bool RatchetTree::is_behind_all(NodeIndex node) const {
  uint32_t leftmost = value(node) + 1 - (uint32_t{1} << level(node));
  return leftmost >= blank_from_;
}

bool RatchetTree::resolution_is_empty(NodeIndex node) const {
  if (is_behind_all(node)) return true;
  if (is_leaf(node) || !is_blank(node)) return is_blank(node);
  return resolution_is_empty(left(node)) && resolution_is_empty(right(node));
}

void RatchetTree::append_resolution(NodeIndex node, std::vector<NodeIndex>& out) const {
  if (is_behind_all(node)) return;
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
                [&](NodeIndex node) { return resolution_is_empty(copath_child(node, index)); });
  return path;
}

NodeIndex RatchetTree::copath_child(NodeIndex ancestor, LeafIndex leaf) {
  return value(node_of(leaf)) < value(ancestor) ? right(ancestor) : left(ancestor);
}

}  // namespace qnpc::mls
