// tree_validation: what a joiner checks of a tree that somebody gave it, RFC 9420 7.9 and 12.4.3.1.
#pragma once

#include "qnpc/mls/ratchet_tree.h"

namespace qnpc::mls {

/// ph(parent) with copath child `sibling`, 7.9.
Bytes compute_parent_hash(const Suite& suite, const RatchetTree& tree, const ParentNode& parent,
                          NodeIndex sibling);

/// Each non-blank parent is parent-hash valid (wrong_parent_hash).
void validate_parent_hashes(const Suite& suite, const RatchetTree& tree);

/// Each unmerged leaf is a member below its node and unmerged in every non-blank node between;
/// the lists are ascending (bad_unmerged_leaves).
void validate_unmerged_leaves(const RatchetTree& tree);

/// Keys are keys, encryption keys are unique in the whole tree, signature keys among the leaves.
void validate_keys(const Suite& suite, const RatchetTree& tree);

/// Each leaf's own rules (7.2, 7.3), its fit to the group, and that every credential type in use is
/// understood by every member. Whether lifetimes are current is not judged, only how long they are:
/// members may have been there for longer.
void validate_leaves(const Suite& suite, const RatchetTree& tree, View group_id,
                     const Extensions& group_context_extensions, const LifetimeRule& lifetimes);

/// The credential rule of 7.3 and the group's extensions, for these members.
void require_mutual_support(const RatchetTree& tree, const Extensions& group_context_extensions,
                            const std::vector<LeafIndex>& leaves);
/// The same for one leaf, which need not be in the tree yet.
void require_support(const RatchetTree& tree, const GroupNeeds& needs, const LeafNode& leaf);

}  // namespace qnpc::mls
