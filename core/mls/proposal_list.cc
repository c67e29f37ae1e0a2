#include "qnpc/mls/proposal_list.h"

#include <algorithm>
#include <set>
#include <utility>

#include "qnpc/base/parallel.h"
#include "qnpc/mls/tree_validation.h"

namespace qnpc::mls {
namespace {

bool is_external_commit(const CommitSetting& setting) {
  return setting.committer.sender_type == SenderType::new_member_commit;
}

// Overloads: each proposal type's own rules, 12.1.

void validate(const CommitSetting& s, const Sender&, const Add& add) {
  require(add.key_package.version == s.context.version, Reject::wrong_version);
  require(add.key_package.cipher_suite == s.context.cipher_suite, Reject::wrong_cipher_suite);
  validate_key_package(add.key_package, s.policy);
  if (!s.is_received) require_current(add.key_package.leaf_node.lifetime, s.policy.lifetimes);
}

void validate(const CommitSetting& s, const Sender& sender, const Update& update) {
  require(sender.sender_type == SenderType::member, Reject::proposal_not_from_member);
  const LeafNode* old = s.tree.leaf(sender.leaf_index());
  require(old != nullptr, Reject::not_a_member);
  validate_leaf(s.suite, update.leaf_node, LeafNodeSource::update,
                LeafPosition{s.context.group_id, sender.leaf_index()});
  require(update.leaf_node.encryption_key != old->encryption_key, Reject::encryption_key_unchanged);
  validate_credential_change(s.suite, *old, update.leaf_node, s.policy);
}

void validate(const CommitSetting& s, const Sender&, const Remove& remove) {
  require(s.tree.leaf(remove.removed) != nullptr, Reject::not_a_member);
}

void validate(const CommitSetting& s, const Sender&, const PreSharedKey& psk) {
  require(psk.psk.psk_nonce.size() == s.suite.hash_size(), Reject::bad_psk);
  require(psk.psk.psktype == PskType::external ||
              psk.psk.usage == ResumptionPskUsage::application || psk.psk.usage == s.successor_of,
          Reject::bad_psk);
}

void validate(const CommitSetting& s, const Sender&, const ReInit& reinit) {
  require(reinit.version >= s.context.version, Reject::reinit_older_version);
  require_unique(reinit.extensions);
}

void validate(const CommitSetting&, const Sender& sender, const ExternalInit&) {
  require(sender.sender_type == SenderType::new_member_commit,
          Reject::external_init_in_member_commit);
}

void validate(const CommitSetting& s, const Sender&, const GroupContextExtensions& gce) {
  require_unique(gce.extensions);
  validate_external_senders(s.suite, s.context.extensions, gce.extensions, s.policy);
}

// Who has to support it is known only with the list.
void validate(const CommitSetting&, const Sender&, const Custom&) {}

// 12.1.8: who is not a member may propose only some things.
void validate_sender(const Sender& sender, ProposalType type) {
  switch (sender.sender_type) {
    case SenderType::member:
    case SenderType::new_member_commit: return;
    case SenderType::external:
      return require(type == ProposalType::add || type == ProposalType::remove ||
                         type == ProposalType::psk || type == ProposalType::reinit ||
                         type == ProposalType::group_context_extensions,
                     Reject::external_sender_content);
    case SenderType::new_member_proposal:
      return require(type == ProposalType::add, Reject::external_sender_content);
  }
}

std::set<LeafIndex> removed_by(const ProposalList& list) {
  std::set<LeafIndex> out;
  for (const QueuedProposal& p : list) {
    if (const Remove* remove = p.proposal.get<Remove>()) out.insert(remove->removed);
  }
  return out;
}

// 12.2: every member that will process the commit; who is removed by it need not.
bool supported_by_all(const CommitSetting& s, ProposalType type,
                      const std::set<LeafIndex>& removed) {
  return std::ranges::all_of(s.tree.members(), [&](LeafIndex index) {
    return removed.contains(index) || s.tree.leaf(index)->capabilities.supports(type);
  });
}

// 12.2, for an external commit.
void validate_external_list(const ProposalList& list) {
  size_t external_inits = 0;
  size_t removes = 0;
  for (const QueuedProposal& p : list) {
    require(p.ref.empty(), Reject::bad_external_commit_proposals);
    switch (p.proposal.type()) {
      case ProposalType::external_init: ++external_inits; break;
      case ProposalType::remove: ++removes; break;
      case ProposalType::psk: break;
      default: throw Rejected(Reject::bad_external_commit_proposals);
    }
  }
  require(external_inits == 1 && removes <= 1, Reject::bad_external_commit_proposals);
}

// 12.2, for a member's commit.
void validate_member_list(const CommitSetting& s, const ProposalList& list) {
  LeafIndex committer = s.committer.leaf_index();
  std::set<LeafIndex> removed = removed_by(list);
  std::set<LeafIndex> targets;
  size_t group_context_extensions = 0;
  for (const QueuedProposal& p : list) {
    if (p.proposal.get<Update>() != nullptr) {
      require(p.sender.leaf_index() != committer, Reject::update_by_committer);
      require(targets.insert(p.sender.leaf_index()).second, Reject::duplicate_target);
    } else if (const Remove* remove = p.proposal.get<Remove>()) {
      require(remove->removed != committer, Reject::removes_committer);
      require(targets.insert(remove->removed).second, Reject::duplicate_target);
    } else if (p.proposal.get<ReInit>() != nullptr) {
      require(list.size() == 1, Reject::reinit_not_alone);
    } else if (const Custom* custom = p.proposal.get<Custom>()) {
      require(supported_by_all(s, custom->type, removed), Reject::unsupported_proposal);
    }
    if (p.proposal.get<GroupContextExtensions>() != nullptr) ++group_context_extensions;
  }
  require(group_context_extensions <= 1, Reject::duplicate_group_context_extensions);
}

void validate_psks(const ProposalList& list) {
  std::set<Bytes> ids;
  for (const QueuedProposal& p : list) {
    const PreSharedKey* psk = p.proposal.get<PreSharedKey>();
    if (psk != nullptr) {
      require(ids.insert(codec::encode(psk->psk)).second, Reject::duplicate_psk);
    }
  }
}

// 12.1.1 and 12.2: an added client fits the group, is not there yet, unless this commit removes it,
// and is added once.
void validate_adds(const ProposalList& list, const RatchetTree& tree_before_adds,
                   const Extensions& extensions) {
  std::set<View, ViewLess> added;
  for (const QueuedProposal& p : list) {
    const Add* add = p.proposal.get<Add>();
    if (add == nullptr) continue;
    require_group_support(add->key_package.leaf_node, extensions);
    require(added.insert(add->key_package.leaf_node.signature_key).second, Reject::duplicate_add);
  }
  for (View key : added) require(!tree_before_adds.has_signature_key(key), Reject::already_member);
}

bool requires_path(ProposalType type) {
  return type != ProposalType::add && type != ProposalType::psk && type != ProposalType::reinit;
}

}  // namespace

void validate_proposal(const CommitSetting& setting, const QueuedProposal& queued) {
  validate_sender(queued.sender, queued.proposal.type());
  std::visit([&](const auto& p) { validate(setting, queued.sender, p); }, queued.proposal.content);
}

AppliedProposals apply_proposals(const CommitSetting& setting, const ProposalList& list) {
  parallel_for(list.size(), [&](size_t i) { validate_proposal(setting, list[i]); });
  if (is_external_commit(setting)) {
    validate_external_list(list);
  } else {
    validate_member_list(setting, list);
  }
  validate_psks(list);

  AppliedProposals out{.tree = setting.tree, .extensions = setting.context.extensions};
  out.path_required = list.empty() || is_external_commit(setting);
  for (const QueuedProposal& p : list) {
    out.path_required = out.path_required || requires_path(p.proposal.type());
    if (auto* gce = p.proposal.get<GroupContextExtensions>()) out.extensions = gce->extensions;
    if (auto* psk = p.proposal.get<PreSharedKey>()) out.psks.push_back(psk->psk);
    if (auto* reinit = p.proposal.get<ReInit>()) out.reinit = reinit;
    if (auto* init = p.proposal.get<ExternalInit>()) out.external_init = init;
    if (auto* custom = p.proposal.get<Custom>()) out.custom.push_back(custom);
    if (auto* update = p.proposal.get<Update>()) {
      out.tree.update_leaf(p.sender.leaf_index(), update->leaf_node);
      out.updated.push_back(p.sender.leaf_index());
    }
  }
  for (const QueuedProposal& p : list) {
    if (auto* remove = p.proposal.get<Remove>()) {
      out.tree.remove_leaf(remove->removed);
      out.removed.push_back(remove->removed);
    }
  }
  validate_adds(list, out.tree, out.extensions);
  for (const QueuedProposal& p : list) {
    if (auto* add = p.proposal.get<Add>()) {
      out.added.push_back(out.tree.add_leaf(add->key_package.leaf_node));
      out.added_packages.push_back(&add->key_package);
    }
  }
  return out;
}

void validate_path_leaf(const CommitSetting& s, const AppliedProposals& applied,
                        const LeafNode& leaf) {
  if (!is_external_commit(s)) {
    const LeafNode& old = *s.tree.leaf(s.committer.leaf_index());
    return validate_credential_change(s.suite, old, leaf, s.policy);
  }
  validate_credential(s.suite, leaf, s.policy);
  for (LeafIndex removed : applied.removed) {
    validate_resync(*s.tree.leaf(removed), leaf, s.policy);
  }
}

ProposalList select_proposals(const CommitSetting& s, const ProposalList& proposed) {
  std::set<LeafIndex> removed = removed_by(proposed);
  std::set<View, ViewLess> leaving;  // signature keys, as below
  for (LeafIndex index : removed) {
    const LeafNode* leaf = s.tree.leaf(index);
    if (leaf && index != s.committer.leaf_index()) leaving.insert(leaf->signature_key);
  }
  std::set<LeafIndex> targets;
  std::set<View, ViewLess> added;
  std::set<View, ViewLess> refs;  // the same proposal may have come twice (12.4)
  std::set<Bytes> psks;
  bool have_extensions = false;
  ProposalList out;
  // From the last to the first, so that the latest of several wins.
  for (auto it = proposed.rbegin(); it != proposed.rend(); ++it) {
    bool keep = true;
    if (it->proposal.get<Update>() != nullptr) {
      LeafIndex target = it->sender.leaf_index();
      keep = target != s.committer.leaf_index() && !removed.contains(target) &&
             targets.insert(target).second;
    } else if (auto* remove = it->proposal.get<Remove>()) {
      keep = remove->removed != s.committer.leaf_index() && targets.insert(remove->removed).second;
    } else if (auto* add = it->proposal.get<Add>()) {
      const SmallBytes& key = add->key_package.leaf_node.signature_key;
      keep = (!s.tree.has_signature_key(key) || leaving.contains(key)) && added.insert(key).second;
    } else if (auto* psk = it->proposal.get<PreSharedKey>()) {
      keep = psks.insert(codec::encode(psk->psk)).second;
    } else if (it->proposal.get<GroupContextExtensions>() != nullptr) {
      keep = !std::exchange(have_extensions, true);
    } else if (it->proposal.get<ReInit>() != nullptr) {
      keep = proposed.size() == 1;  // any other proposal comes first
    } else if (auto* custom = it->proposal.get<Custom>()) {
      keep = supported_by_all(s, custom->type, removed);
    }
    if (keep && refs.insert(it->ref).second) out.push_back(*it);
  }
  std::ranges::reverse(out);
  return out;
}

void require_consistent(const CommitSetting& before, const AppliedProposals& applied,
                        LeafIndex committer) {
  const RatchetTree& tree = applied.tree;
  require(tree.encryption_keys_differ(), Reject::duplicate_encryption_key);
  require(tree.signature_keys_differ(), Reject::duplicate_signature_key);

  // New extensions and a new credential type are everybody's business, a new leaf is its own.
  bool all = applied.extensions != before.context.extensions;
  for (const auto& [type, count] : tree.credential_types()) {
    all = all || !before.tree.credential_types().contains(type);
  }
  std::vector<LeafIndex> changed = applied.updated;
  changed.insert(changed.end(), applied.added.begin(), applied.added.end());
  changed.push_back(committer);
  std::erase_if(changed, [&](LeafIndex index) { return tree.leaf(index) == nullptr; });
  require_mutual_support(tree, applied.extensions, all ? tree.members() : changed);
}

}  // namespace qnpc::mls
