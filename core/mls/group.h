// group: one member's view of a group, and the steps from one epoch to the next.
// RFC 9420 sections 11, 12 and 15.
//
// Every change is staged: commit() and process() check everything and build the next epoch from its
// parts; merge() swaps it in. What throws has changed nothing. Randomness, time, signature keys and
// foreign PSKs are arguments; a Group does no I/O.
#pragma once

#include <deque>
#include <functional>
#include <set>

#include "qnpc/base/storage.h"
#include "qnpc/mls/epoch.h"
#include "qnpc/mls/mls_message.h"
#include "qnpc/mls/proposal_list.h"

namespace qnpc::mls {

/// Finds the secret of an external PSK, or of a resumption PSK that the group itself does not hold:
/// of another group, or of an epoch of its own that is longer ago than limits::mls_past_epochs.
using PskLookup = std::function<std::optional<Secret>(const PreSharedKeyId&)>;
/// For groups that use none.
std::optional<Secret> no_psks(const PreSharedKeyId&);

/// A member as the group sees it. Valid until the group changes.
struct Member {
  LeafIndex index;
  const LeafNode* leaf;
};

/// An epoch that is ready to be entered.
struct StagedCommit {
  uint64_t epoch = 0;            // the one that it ends
  LeafIndex committer{};         // of an external commit: the leaf it takes, also in `added`
  std::vector<LeafIndex> added;  // in the next epoch's tree
  std::vector<LeafIndex> updated;
  std::vector<LeafIndex> removed;  // in old_tree
  std::optional<ReInit> reinit;
  std::vector<Custom> custom;
  RatchetTree old_tree;
  std::optional<Epoch> next;  // empty: the commit removes us
  bool adds_us_anew = false;  // where it removes us: the same identity is in `added`
  std::optional<SecretTree::Found> used_key;
};

/// What process() found in a message.
struct ApplicationMessage {
  LeafNode sender;
  LeafIndex sender_index{};
  uint64_t epoch = 0;
  Bytes authenticated_data;
  Bytes data;
  uint32_t skipped = 0;  // by its sender in that epoch, between what has come and this one
};
struct ReceivedProposal {
  QueuedProposal proposal;  // it waits in the group for a commit
};
using Processed = std::variant<ApplicationMessage, ReceivedProposal, StagedCommit>;

/// What commit() is to do beside what the others have proposed.
struct CommitOptions {
  std::vector<Proposal> proposals;  // by value
  bool include_proposed = true;     // of what waits in the group, all that goes with them
  // Where given, exactly these of what waits, and an error where they do not go together.
  std::optional<std::vector<ProposalRef>> references;
  bool force_path = true;  // fresh keys also where only members are added (12.4)
  WireFormat wire_format = WireFormat::private_message;
  bool tree_in_welcome = true;  // else joiners have to get the tree in another way
  Bytes authenticated_data;
  // The signature key of our leaf from the next epoch on, where it changes; needs a path.
  const crypto::SignatureKeyPair* new_signer = nullptr;
  std::optional<Credential> new_credential;       // likewise
  std::optional<Extensions> new_leaf_extensions;  // likewise
  // For the first commit of a group that continues or branches from another: allows its PSK. Says
  // nothing in any later one.
  std::optional<ResumptionPskUsage> successor_of;
};
struct NewCommit {
  Bytes message;                    // MLSMessage for the members
  std::optional<Bytes> welcome;     // MLSMessage for those who were added
  std::vector<Proposal> proposals;  // by value: what to commit anew if another commit comes first
  StagedCommit staged;
};

class Group;

struct JoinInputs {
  const KeyPackage& key_package;
  const KeyPackageKeys& keys;
  PskLookup psks = no_psks;
  std::optional<RatchetTree> ratchet_tree;  // where the Welcome holds none
  const Group* predecessor = nullptr;       // whose ReInit or branch the new group is
  Policy policy = UnixTime{};               // whose credentials, and the longest lifetime
};

/// Who comes by an external commit, 12.4.3.2.
struct ExternalJoinInputs {
  LeafNode leaf;  // all but its keys
  const crypto::SignatureKeyPair& signer;
  std::optional<RatchetTree> ratchet_tree;  // where the GroupInfo holds none
  std::optional<LeafIndex> replaces;        // resync: our leaf from before
  std::vector<PreSharedKeyId> psk_ids;
  PskLookup psks = no_psks;
  Bytes authenticated_data;
};
struct ExternalJoin;

class Group {
 public:
  /// A group of one. The leaf's own key pair is made from `random`.
  static Group create(const Suite& suite, Bytes group_id, LeafNode leaf, Extensions extensions,
                      const crypto::SignatureKeyPair& signer, Random& random);
  /// 12.4.3.1. Rejects, or throws Reason::not_found where the Welcome is not for that KeyPackage.
  static Group join(const Welcome& welcome, const JoinInputs& inputs);
  /// Joins by ourselves, with a GroupInfo that has `external_pub`. The members have to accept the
  /// commit before the group is of use.
  static ExternalJoin external_join(const GroupInfo& info, const ExternalJoinInputs& inputs,
                                    const Policy& policy, Random& random);

  /// Encrypts application data; the key is consumed. Rejects with group_suspended after our removal
  /// or a ReInit, and with proposals_pending where a commit must come first (12.4).
  Bytes protect(View data, const crypto::SignatureKeyPair& signer, size_t padding, Random& random,
                View authenticated_data = {});
  /// Proposes by reference: the message, and the proposal waits here too.
  Bytes propose(Proposal proposal, const crypto::SignatureKeyPair& signer, const Policy& policy,
                Random& random, WireFormat wire_format = WireFormat::private_message);
  /// A fresh leaf of ours for an Update proposal; its private key is kept until it is committed.
  Proposal make_update(const crypto::SignatureKeyPair& signer, Random& random,
                       std::optional<Credential> new_credential = std::nullopt);

  NewCommit commit(const CommitOptions& options, const crypto::SignatureKeyPair& signer,
                   const Policy& policy, Random& random, const PskLookup& psks = no_psks);
  /// A PublicMessage or PrivateMessage of this group. Changes the group only for proposals and
  /// application messages; a commit waits for merge().
  Processed process(const MlsMessage& message, const Policy& policy,
                    const PskLookup& psks = no_psks);
  /// Rejects one that was staged before another was merged (wrong_epoch), also where that one
  /// removed us (group_suspended). Discards what is pending.
  void merge(StagedCommit&& staged);

  /// A commit of ours that was sent, and of which we do not know yet whether it is the one that
  /// ends the epoch (section 14). It is saved with the group. Meanwhile everything else goes on:
  /// another member's commit may be processed and merged, which discards ours. Throws Reason::usage
  /// where one is pending already, and rejects a commit of another epoch (wrong_epoch).
  void set_pending(NewCommit&& commit);
  const NewCommit* pending() const { return pending_ ? &*pending_ : nullptr; }
  /// Enters the epoch of the pending commit. Throws Reason::usage where there is none.
  void merge_pending();
  /// Forgets it, with its keys. Nothing happens where there is none.
  void discard_pending();

  /// For those who join by an external commit: with `external_pub`, and the tree if wanted.
  GroupInfo group_info(const crypto::SignatureKeyPair& signer, bool with_tree = true) const;
  /// The PSK that ties a successor to this epoch, sections 11.2 and 11.3; `nonce` is random.
  PreSharedKeyId resumption_psk_id(ResumptionPskUsage usage, Bytes nonce) const;
  Secret resumption_psk() const { return secrets().resumption_psk.clone(); }
  /// The same of the current epoch or one before it; empty where that is not kept any more
  /// (limits::mls_past_epochs).
  std::optional<Secret> resumption_psk(uint64_t epoch) const;
  /// The members of such an epoch, from the left; empty where it is not known any more.
  std::optional<std::vector<const LeafNode*>> leaves_at(uint64_t epoch) const;
  /// What the last commit asked the group to become; it is over then (11.2).
  const std::optional<ReInit>& reinit() const { return reinit_; }

  /// Writes what changed since the last save, in a transaction of the caller's. `storage` holds
  /// this group only; where it does not hold what we saved or loaded last, all is written anew. If
  /// the transaction fails, this Group is ahead of its storage: load it again.
  void save(Storage& storage);
  /// Throws Reason::not_found, Reason::corrupt, or Reason::unsupported for another version's state.
  static Group load(const Storage& storage);

  const GroupContext& context() const { return epoch_.context; }
  const Suite& suite() const { return epoch_.suite(); }
  const RatchetTree& tree() const { return epoch_.tree; }
  LeafIndex own_leaf() const { return epoch_.own_leaf(); }
  bool is_active() const { return active_; }
  std::vector<Member> members() const;
  const ProposalList& proposals() const { return proposals_; }
  Secret export_secret(std::string_view label, View context, size_t length) const;
  /// Who signed the Welcome, of a group that was joined and not loaded since.
  std::optional<LeafIndex> welcomed_by() const { return welcomed_by_; }
  Bytes epoch_authenticator() const;

 private:
  explicit Group(Epoch epoch) : epoch_(std::move(epoch)) {}

  CommitSetting setting(const Sender& committer, const Policy& policy) const {
    return {epoch_.suite(), epoch_.context, epoch_.tree, committer, policy};
  }
  Sender self() const { return {SenderType::member, value(own_leaf())}; }
  /// Rejects with group_suspended after our removal: then there are none, and what is derived from
  /// nothing is no secret.
  const EpochSecrets& secrets() const;
  FramedContent framed(Content content, View authenticated_data) const;
  std::optional<Secret> find_psk(const PreSharedKeyId& id, const PskLookup& lookup) const;
  std::vector<Psk> find_psks(const std::vector<PreSharedKeyId>& ids, const PskLookup& psks) const;

  // group_commit.cc
  Bytes protect_handshake(AuthenticatedContent content, Random& random);

  // group_process.cc
  AuthenticatedContent open(const MlsMessage& message,
                            std::optional<SecretTree::Found>& used_key) const;
  ApplicationMessage open_past(const PrivateMessage& message);
  // A leaf in the epoch of past_[at].
  const LeafNode* leaf_in_past(size_t at, LeafIndex index) const;
  // Which past_[at] is that epoch; past_.size() where none is.
  size_t find_past(uint64_t epoch) const;
  Bytes signature_key_of(const FramedContent& content) const;
  ProposalList resolve(const Commit& commit, const Sender& sender) const;
  StagedCommit stage(const AuthenticatedContent& content, const Policy& policy,
                     const PskLookup& psks) const;
  TreeKeys keys_after(const AppliedProposals& applied) const;
  StagedCommit staged_from(const AppliedProposals& applied, LeafIndex committer) const;
  const QueuedProposal& queue(const AuthenticatedContent& content);
  void enter(Epoch&& next);
  void forget_keys();

  // group_storage.cc
  bool was_removed() const { return !active_ && !reinit_; }
  Bytes header() const;
  void mark_all_unsaved();
  static Group load_records(const Storage& storage, codec::Reader& header);

  Epoch epoch_;
  std::deque<PastEpoch> past_;  // newest first
  ProposalList proposals_;
  size_t proposal_bytes_ = 0;  // no less than they have
  std::map<Bytes, std::shared_ptr<const crypto::HpkeKeyPair>> update_keys_;  // by public key
  std::optional<ReInit> reinit_;
  std::optional<LeafIndex> welcomed_by_;
  bool active_ = true;

  std::optional<NewCommit> pending_;

  // What save() has to write, beside what the secret trees know themselves.
  struct Unsaved {
    bool epoch = false;
    bool proposals = false;
    bool pending = false;
    std::set<NodeIndex> nodes;
    std::set<uint64_t> past;     // epochs that are over
    std::set<uint64_t> dropped;  // epochs of which nothing is kept
  } unsaved_;
  Bytes saved_header_;  // as it stands in the storage; empty: all is to be written
};

struct ExternalJoin {
  Group group;
  Bytes message;  // MLSMessage, a PublicMessage
};

/// A proposal from somebody who is no member, 12.1.8: an MLSMessage for the members. The sender is
/// `external` with its index in the group's external_senders, or `new_member_proposal`.
Bytes propose_from_outside(const GroupContext& context, const Sender& sender, Proposal proposal,
                           const crypto::SignatureKeyPair& signer);

/// The tree of a GroupInfo that somebody who is no member was given, or of `given` where it holds
/// none. Rejects where tree, context and signature do not belong together (12.4.3.1).
RatchetTree validated_tree(const GroupInfo& info, const std::optional<RatchetTree>& given,
                           const Policy& policy);

/// 12.4.3.1, the integrity of a tree and of the context that it came with, and the credentials.
void validate_group(const Suite& suite, const RatchetTree& tree, const GroupContext& context,
                    const Policy& policy);

/// 11.2 and 11.3: what a Welcome with those PSKs promises about the group that it continues.
void validate_successor(const std::vector<PreSharedKeyId>& psks, const Group* predecessor,
                        const GroupContext& context, const RatchetTree& tree,
                        const CredentialPolicy& credentials);

}  // namespace qnpc::mls
