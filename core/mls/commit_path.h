// commit_path: the fresh keys that a committer brings, RFC 9420 7.5 and 12.4.1.
#pragma once

#include "qnpc/mls/proposal_list.h"

namespace qnpc::mls {

struct CommitPath {
  UpdatePath path;
  PathSecrets secrets;
  TreeKeys keys;
};

/// The context of the epoch that the commit begins, but for the confirmed transcript hash.
GroupContext provisional_context(const GroupContext& old_context, const Suite& suite,
                                 const RatchetTree& tree, const Extensions& extensions);

/// New keys for `sender`'s leaf and its filtered direct path, set in `applied.tree` and encrypted
/// for the others. `from` is what the sender's leaf is made of. Rejects one that the others would:
/// require_own_support().
CommitPath make_commit_path(const Suite& suite, const GroupContext& old_context,
                            AppliedProposals& applied, LeafIndex sender, const LeafNode& from,
                            const crypto::SignatureKeyPair& signer, Random& random);

}  // namespace qnpc::mls
