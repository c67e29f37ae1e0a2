// ratchet_tree: the public half of TreeKEM: which keys stand where. RFC 9420 sections 4 and 7.
//
// The tree is always full (a power of two of leaves), and its right half is never all blank. Nodes
// are immutable and shared between copies, and so are the chunks of the array that they stand in: a
// copy of a tree in which a path changes costs that path. The tree hash of each parent is kept
// until something changes at it or below. Which keys and credential types are in use is kept too.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "qnpc/base/shared_array.h"
#include "qnpc/mls/key_set.h"
#include "qnpc/mls/leaf_node.h"
#include "qnpc/mls/tree_math.h"

namespace qnpc::mls {

struct ParentNode {
  SmallBytes encryption_key;
  SmallBytes parent_hash;
  std::vector<LeafIndex> unmerged_leaves;  // ascending
  static auto wire(auto& m) { return std::tie(m.encryption_key, m.parent_hash, m.unmerged_leaves); }
  friend bool operator==(const ParentNode&, const ParentNode&) = default;
};

class RatchetTree {
 public:
  /// One blank leaf.
  RatchetTree() : slots_(1) {}
  /// The `ratchet_tree` extension, 12.4.3.3. Rejects what is no tree (malformed_tree).
  static RatchetTree read(codec::Reader& r);
  void write(auto& w) const;

  uint32_t width() const { return static_cast<uint32_t>(slots_.size() / 2 + 1); }
  NodeIndex root() const { return mls::root(width()); }

  /// Null where the node is blank or outside of the tree.
  const LeafNode* leaf(LeafIndex index) const;
  const ParentNode* parent(NodeIndex index) const;
  bool is_blank(NodeIndex node) const;
  /// The leaves that are not blank, from the left.
  std::vector<LeafIndex> members() const;
  /// Null for a blank node.
  const SmallBytes* encryption_key(NodeIndex node) const;

  /// Whether a node, or a leaf, has that key.
  bool has_encryption_key(View key) const { return encryption_keys_.contains(key); }
  bool has_signature_key(View key) const { return signature_keys_.contains(key); }
  /// 7.3, 12.4.3.1: in the whole tree, and among the leaves.
  bool encryption_keys_differ() const { return encryption_keys_.all_differ(); }
  bool signature_keys_differ() const { return signature_keys_.all_differ(); }
  /// Each with the number of its leaves, which is not 0.
  const std::map<CredentialType, uint32_t>& credential_types() const { return credential_types_; }

  /// 7.7: at the leftmost blank leaf; adds itself to the unmerged leaves above.
  LeafIndex add_leaf(LeafNode leaf);
  LeafIndex leftmost_blank_leaf() const;  // width() where there is none
  /// 12.1.2: replaces the leaf and blanks its direct path.
  void update_leaf(LeafIndex index, LeafNode leaf);
  /// 12.1.3: blanks leaf and direct path, and truncates the tree.
  void remove_leaf(LeafIndex index);

  /// Sets nodes without touching others: for an UpdatePath, which sets a whole path (7.5).
  void set_leaf(LeafIndex index, LeafNode leaf);
  void set_parent(NodeIndex index, ParentNode parent);
  void blank(NodeIndex node);
  /// Makes the tree wide enough for that leaf.
  void extend_to(LeafIndex index);

  /// For keeping a tree node by node. The nodes that are not those of `earlier`, ascending; where
  /// one of the trees is too narrow for a node, it is blank there.
  std::vector<NodeIndex> changed_since(const RatchetTree& earlier) const;
  /// A node as it stands in the extension.
  void write_node(auto& w, NodeIndex node) const;
  void read_node(codec::Reader& r, NodeIndex node);
  /// A power of two; what lies behind is cut off, what is new is blank.
  void set_width(uint32_t width);

  /// 4.1.1, from the left.
  std::vector<NodeIndex> resolution(NodeIndex node) const;
  bool resolution_is_empty(NodeIndex node) const;
  /// 4.1.2: the direct path without the nodes whose child on the copath has an empty resolution.
  std::vector<NodeIndex> filtered_direct_path(LeafIndex index) const;
  /// The child of `ancestor` that is not above `leaf`.
  static NodeIndex copath_child(NodeIndex ancestor, LeafIndex leaf);

  /// 7.8. Computes what changed since the last call and keeps it.
  Bytes tree_hash(const Suite& suite, NodeIndex node) const;
  Bytes tree_hash(const Suite& suite) const { return tree_hash(suite, root()); }

 private:
  struct Slot {
    std::shared_ptr<const LeafNode> leaf;
    std::shared_ptr<const ParentNode> parent;
  };

  static Slot read_slot(codec::Reader& r, NodeIndex node);
  const Slot* slot(NodeIndex node) const;
  // The one way in which a slot changes: keys, types and hashes follow.
  void put(NodeIndex node, Slot slot);
  void forget_hashes(NodeIndex node);
  void resize(uint32_t width);
  void index_keys();
  void truncate();
  void append_resolution(NodeIndex node, std::vector<NodeIndex>& out) const;
  bool is_behind_all(NodeIndex node) const;

  SharedArray<Slot> slots_;
  uint32_t blank_from_ = 0;                 // all slots from here on are blank
  uint32_t no_leaf_from_ = 0;               // all leaves from here on are blank
  mutable SharedArray<SmallBytes> hashes_;  // of node 2i+1; empty: to be computed
  KeySet encryption_keys_;                  // of leaves and parents
  KeySet signature_keys_;
  std::map<CredentialType, uint32_t> credential_types_;
  mutable uint32_t no_blank_before_ = 0;  // so that adding many members is linear
};

/// th(node) of a subtree in which the given leaves (ascending) are blank and in no unmerged_leaves:
/// original_sibling_tree_hash of 7.9.
Bytes tree_hash_without(const Suite& suite, const RatchetTree& tree, NodeIndex node,
                        const std::vector<LeafIndex>& without);

enum class NodeType : uint8_t { leaf = 1, parent = 2 };

void RatchetTree::write_node(auto& w, NodeIndex node) const {
  const Slot* s = slot(node);
  w.u8(is_blank(node) ? 0 : 1);
  if (s != nullptr && s->leaf) {
    codec::write(w, NodeType::leaf);
    codec::write(w, *s->leaf);
  } else if (s != nullptr && s->parent) {
    codec::write(w, NodeType::parent);
    codec::write(w, *s->parent);
  }
}

void RatchetTree::write(auto& w) const {
  uint32_t end = node_count(width());
  while (end > 0 && is_blank(NodeIndex{end - 1})) --end;
  w.vector([&](auto& inner) {
    for (uint32_t i = 0; i < end; ++i) write_node(inner, NodeIndex{i});
  });
}

}  // namespace qnpc::mls
