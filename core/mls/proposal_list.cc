#include "qnpc/mls/proposal_list.h"

#include <algorithm>
#include <bitset>
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

bool requires_path(ProposalType type) {
  return type != ProposalType::add && type != ProposalType::psk && type != ProposalType::reinit;
}

// What the proposals taken so far make of the group. Each rule of 12.2 about several proposals is
// here: take() rejects what breaks one together with those before it, and has changed nothing then.
class Draft {
 public:
  explicit Draft(const CommitSetting& setting)
      : setting_(setting),
        applied_{.tree = setting.tree, .extensions = setting.context.extensions},
        needs_(applied_.extensions) {}

  const AppliedProposals& applied() const { return applied_; }
  AppliedProposals release() { return std::move(applied_); }

  /// In rounds, see below. `p` is valid by itself; the draft refers to it.
  void take(const QueuedProposal& p) {
    require(applied_.reinit == nullptr, Reject::reinit_not_alone);
    std::visit([&](const auto& proposal) { take(p.sender, proposal); }, p.proposal.content);
    applied_.path_required = applied_.path_required || requires_path(p.proposal.type());
    ++taken_;
  }

  /// What require_consistent() would say of `p` after the whole commit, if it were taken.
  void require_fits(const QueuedProposal& p) {
    if (const auto* add = p.proposal.get<Add>()) {
      require_fits(add->key_package.leaf_node);
    } else if (const auto* update = p.proposal.get<Update>()) {
      const SmallBytes& key = update->leaf_node.signature_key;
      require(key == setting_.tree.leaf(p.sender.leaf_index())->signature_key ||
                  !applied_.tree.has_signature_key(key),
              Reject::duplicate_signature_key);
      require_fits(update->leaf_node);
    } else if (const auto* gce = p.proposal.get<GroupContextExtensions>()) {
      require_mutual_support(applied_.tree, gce->extensions, applied_.tree.members());
    }
  }

 private:
  // 7.3, of a leaf that comes: its key is new, and everybody supports everybody. A key that this
  // commit's path will replace counts as one of the tree's.
  void require_fits(const LeafNode& leaf) {
    const RatchetTree& tree = applied_.tree;
    require(!tree.has_encryption_key(leaf.encryption_key), Reject::duplicate_encryption_key);
    require_support(tree, needs_, leaf);
    const CredentialType type = leaf.credential.credential_type;
    if (tree.credential_types().contains(type)) return;
    require(!not_for_all_.contains(type), Reject::unsupported_credential);
    for (LeafIndex index : tree.members()) {
      if (tree.leaf(index)->capabilities.supports(type)) continue;
      not_for_all_.insert(type);
      throw Rejected(Reject::unsupported_credential);
    }
  }

  void take(const Sender&, const Remove& remove) {
    require(setting_.committer != Sender{SenderType::member, value(remove.removed)},
            Reject::removes_committer);
    require(targets_.insert(remove.removed).second, Reject::duplicate_target);
    applied_.tree.remove_leaf(remove.removed);
    applied_.removed.push_back(remove.removed);
    for_all_.reset();
    not_for_all_.clear();
  }
  void take(const Sender& sender, const Update& update) {
    require(sender != setting_.committer, Reject::update_by_committer);
    require(targets_.insert(sender.leaf_index()).second, Reject::duplicate_target);
    applied_.tree.update_leaf(sender.leaf_index(), update.leaf_node);
    applied_.updated.push_back(sender.leaf_index());
    not_for_all_.clear();
  }
  void take(const Sender&, const GroupContextExtensions& gce) {
    require(!has_extensions_, Reject::duplicate_group_context_extensions);
    needs_ = GroupNeeds(gce.extensions);
    applied_.extensions = gce.extensions;
    has_extensions_ = true;
  }
  // 12.1.1: an added client fits the group, and is not there yet.
  void take(const Sender&, const Add& add) {
    const LeafNode& leaf = add.key_package.leaf_node;
    require_group_support(leaf, needs_);
    require(!added_.contains(leaf.signature_key), Reject::duplicate_add);
    require(!applied_.tree.has_signature_key(leaf.signature_key), Reject::already_member);
    applied_.added.push_back(applied_.tree.add_leaf(leaf));
    applied_.added_packages.push_back(&add.key_package);
    added_.insert(leaf.signature_key);
  }
  void take(const Sender&, const PreSharedKey& psk) {
    require(psks_.insert(codec::encode(psk.psk)).second, Reject::duplicate_psk);
    applied_.psks.push_back(psk.psk);
  }
  void take(const Sender&, const ExternalInit& init) { applied_.external_init = &init; }
  // Every member that will process the commit: who is removed or added by it need not.
  void take(const Sender&, const Custom& custom) {
    if (!for_all_) for_all_ = supported_by_all();
    require(is_private_use(custom.type) && for_all_->test(private_number(custom.type)),
            Reject::unsupported_proposal);
    applied_.custom.push_back(&custom);
  }
  void take(const Sender&, const ReInit& reinit) {
    require(taken_ == 0, Reject::reinit_not_alone);
    applied_.reinit = &reinit;
  }

  // A Custom's type among those for private use.
  static constexpr size_t private_number(ProposalType type) {
    return static_cast<uint16_t>(type) - first_private_use;
  }
  using PrivateTypes = std::bitset<0x10000 - first_private_use>;
  // Looks at each list once, however many proposals and types there are.
  PrivateTypes supported_by_all() const {
    PrivateTypes out;
    out.set();
    for (LeafIndex index : applied_.tree.members()) {
      const LeafNode* member = setting_.tree.leaf(index);
      if (member == nullptr) continue;
      PrivateTypes listed;
      for (ProposalType type : member->capabilities.proposals) {
        if (is_private_use(type)) listed.set(private_number(type));
      }
      out &= listed;
    }
    return out;
  }

  const CommitSetting& setting_;
  AppliedProposals applied_;
  GroupNeeds needs_;                      // of applied_.extensions
  std::optional<PrivateTypes> for_all_;   // empty: to be computed
  std::set<CredentialType> not_for_all_;  // of those seen, in the tree as it is now
  std::set<LeafIndex> targets_;           // of Updates and Removes
  std::set<View, ViewLess> added_;
  std::set<Bytes> psks_;
  bool has_extensions_ = false;
  size_t taken_ = 0;
};

// In which order proposals are taken, 12.3: new extensions judge the Adds. The order of Updates and
// Removes makes no difference to the tree; a leaf with both keeps the Remove (12.2).
constexpr int rounds = 7;
int round_of(ProposalType type) {
  switch (type) {
    case ProposalType::remove: return 0;
    case ProposalType::update: return 1;
    case ProposalType::group_context_extensions: return 2;
    case ProposalType::add: return 4;  // those whose support a Custom needs are in the tree before
    case ProposalType::psk:
    case ProposalType::external_init: return 5;
    case ProposalType::reinit: return 6;  // alone: when it is known that nothing else is there
  }
  return 3;  // Custom
}

using InRounds = std::vector<const QueuedProposal*>;

// Within a round in the order of `proposals`.
InRounds in_rounds(const InRounds& proposals) {
  InRounds out;
  out.reserve(proposals.size());
  for (int round = 0; round < rounds; ++round) {
    for (const QueuedProposal* p : proposals) {
      if (round_of(p->proposal.type()) == round) out.push_back(p);
    }
  }
  return out;
}

// Whether a rule is kept. What hostile bytes can bring about is any error but an internal one.
template <class Rule>
bool kept(Rule&& rule) {
  try {
    rule();
  } catch (const Error& error) {
    if (error.reason() == Reason::internal) throw;
    return false;
  }
  return true;
}

// Those that are valid by themselves.
InRounds valid_among(const CommitSetting& setting, const ProposalList& list) {
  std::vector<uint8_t> valid(list.size());
  parallel_for(list.size(),
               [&](size_t i) { valid[i] = kept([&] { validate_proposal(setting, list[i]); }); });
  InRounds out;
  for (size_t i = 0; i < list.size(); ++i) {
    if (valid[i] != 0) out.push_back(&list[i]);
  }
  return out;
}

}  // namespace

void validate_proposal(const CommitSetting& setting, const QueuedProposal& queued) {
  validate_sender(queued.sender, queued.proposal.type());
  std::visit([&](const auto& p) { validate(setting, queued.sender, p); }, queued.proposal.content);
}

AppliedProposals apply_proposals(const CommitSetting& setting, const ProposalList& list) {
  parallel_for(list.size(), [&](size_t i) { validate_proposal(setting, list[i]); });
  const bool external = is_external_commit(setting);
  if (external) validate_external_list(list);
  InRounds proposals;
  for (const QueuedProposal& p : list) proposals.push_back(&p);
  Draft draft(setting);
  for (const QueuedProposal* p : in_rounds(proposals)) draft.take(*p);
  AppliedProposals out = draft.release();
  out.path_required = out.path_required || list.empty() || external;
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

ProposalList select_proposals(const CommitSetting& setting, const ProposalList& proposed,
                              const ProposalList& own, const PskCheck& has_psk) {
  if (proposed.empty()) return {};
  Draft draft(setting);
  for (const QueuedProposal* p : in_rounds(valid_among(setting, own))) {
    kept([&] { draft.take(*p); });  // else applying them will say why not
  }
  InRounds latest_first = valid_among(setting, proposed);
  std::ranges::reverse(latest_first);
  std::set<const QueuedProposal*> taken;
  bool extensions_judged = false;  // costs a look at every member: only the latest are judged
  for (const QueuedProposal* p : in_rounds(latest_first)) {
    const bool extensions = p->proposal.get<GroupContextExtensions>() != nullptr;
    if (extensions && std::exchange(extensions_judged, true)) continue;
    if (const auto* psk = p->proposal.get<PreSharedKey>(); psk && !has_psk(psk->psk)) continue;
    if (kept([&] {
          draft.require_fits(*p);
          draft.take(*p);
        })) {
      taken.insert(p);
    }
  }
  ProposalList out;
  for (const QueuedProposal& p : proposed) {
    if (taken.contains(&p)) out.push_back(p);
  }
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
