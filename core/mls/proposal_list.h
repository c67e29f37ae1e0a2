// proposal_list: the proposals of one commit, judged and applied. RFC 9420 12.2 and 12.3.
#pragma once

#include <functional>

#include "qnpc/mls/framing.h"

namespace qnpc::mls {

/// A proposal and who made it.
struct QueuedProposal {
  Proposal proposal;
  Sender sender;
  ProposalRef ref;  // empty for one that stands in the commit by value
};
using ProposalList = std::vector<QueuedProposal>;

/// The group as it was before the commit, and who commits.
struct CommitSetting {
  const Suite& suite;
  const GroupContext& context;
  const RatchetTree& tree;
  Sender committer;
  Policy policy;
  // The one use of resumption PSKs beside `application` that is due, in a new group's first commit.
  std::optional<ResumptionPskUsage> successor_of = std::nullopt;
  // A commit or proposal of another: whether lifetimes are current was for it to judge (7.3). Who
  // reads it late would refuse it, and lose the group.
  bool is_received = false;
};

/// What the list makes of the group.
struct AppliedProposals {
  RatchetTree tree;
  Extensions extensions;
  std::vector<LeafIndex> added;
  std::vector<const KeyPackage*> added_packages;  // in the list, in the order of `added`
  std::vector<LeafIndex> updated;
  std::vector<LeafIndex> removed;
  std::vector<PreSharedKeyId> psks;
  const ExternalInit* external_init = nullptr;
  const ReInit* reinit = nullptr;
  std::vector<const Custom*> custom;
  bool path_required = false;  // 12.4
};

/// The rules that one proposal breaks or keeps by itself (12.1), as it is received or made.
void validate_proposal(const CommitSetting& setting, const QueuedProposal& proposal);

/// Checks every rule of 12.2, then applies as 12.3 says. The result refers into `list`.
AppliedProposals apply_proposals(const CommitSetting& setting, const ProposalList& list);

/// The credential of the committer's new leaf: acceptable, and the same client's as the leaf that
/// it replaces (5.3.1, 12.2).
void validate_path_leaf(const CommitSetting& setting, const AppliedProposals& applied,
                        const LeafNode& leaf);

/// Whether the committer has that PSK.
using PskCheck = std::function<bool(const PreSharedKeyId&)>;

/// Of what waits, in its order, all that this committer can commit beside `own`, what it commits by
/// value (12.2, 12.4): anybody may propose, so that nobody must be able to keep the others from
/// committing. The latest of several wins, a Remove over an Update, anything over a ReInit, and
/// `own` over all; applying the result with them breaks no rule that `own` alone keeps.
ProposalList select_proposals(const CommitSetting& setting, const ProposalList& proposed,
                              const ProposalList& own, const PskCheck& has_psk);

/// After the whole commit: keys are unique in the tree (12.4.3.1) and everybody understands
/// everybody (7.3). Called with the tree that already holds the path. `before` is a group that
/// keeps these rules, so that only what the commit brings is judged.
void require_consistent(const CommitSetting& before, const AppliedProposals& applied,
                        LeafIndex committer);

}  // namespace qnpc::mls
