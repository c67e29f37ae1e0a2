// What a member receives. RFC 9420 section 6, 12.4.2 and 15.

#include <algorithm>

#include "qnpc/mls/commit_path.h"
#include "qnpc/mls/group.h"

namespace qnpc::mls {
Bytes Group::signature_key_of(const FramedContent& content) const {
  const Proposal* proposal = std::get_if<Proposal>(&content.content);
  const Commit* commit = std::get_if<Commit>(&content.content);
  switch (content.sender.sender_type) {
    case SenderType::member: {
      const LeafNode* leaf = epoch_.tree.leaf(content.sender.leaf_index());
      require(leaf != nullptr, Reject::unknown_sender);
      return leaf->signature_key;
    }
    case SenderType::external: {
      require(proposal != nullptr, Reject::external_sender_content);
      auto senders =
          get_extension<ExternalSenders>(context().extensions, ExtensionType::external_senders);
      require(senders && content.sender.index < senders->size(), Reject::unknown_sender);
      return (*senders)[content.sender.index].signature_key;
    }
    case SenderType::new_member_proposal: {
      const Add* add = proposal == nullptr ? nullptr : proposal->get<Add>();
      require(add != nullptr, Reject::external_sender_content);
      return add->key_package.leaf_node.signature_key;
    }
    case SenderType::new_member_commit:
      require(commit != nullptr, Reject::external_sender_content);
      require(commit->path.has_value(), Reject::missing_path);
      return commit->path->leaf_node.signature_key;
  }
  throw Rejected(Reject::unknown_sender_type);
}

// Opens a handshake or application message of this epoch; its signature verifies.
AuthenticatedContent Group::open(const MlsMessage& message,
                                 std::optional<SecretTree::Found>& used_key) const {
  AuthenticatedContent content;
  if (const auto* m = message.get<PrivateMessage>()) {
    OpenedPrivate opened = open_private(suite(), *m, epoch_.secret_tree,
                                        epoch_.secrets.sender_data_secret, own_leaf());
    content = std::move(opened.content);
    used_key = std::move(opened.key);
  } else {
    const auto& public_message = *message.get<PublicMessage>();
    require(public_message.content.content_type() != ContentType::application,
            Reject::application_not_encrypted);
    content = open_public(suite(), public_message, context(), epoch_.secrets.membership_key);
    require(content.content.sender != self(), Reject::own_message);
  }
  verify_content(suite(), content, context(), signature_key_of(content.content));
  return content;
}

ApplicationMessage Group::open_past(const PrivateMessage& message) {
  const size_t at = find_past(message.epoch);
  require(at < past_.size() && message.content_type == ContentType::application,
          Reject::wrong_epoch);
  PastEpoch& past = past_[at];
  OpenedPrivate opened =
      open_private(suite(), message, past.secret_tree, past.sender_data_secret, past.own_leaf);
  LeafIndex index = opened.content.content.sender.leaf_index();
  const LeafNode* leaf = leaf_in_past(at, index);
  require(leaf != nullptr, Reject::unknown_sender);
  verify_content(suite(), opened.content, past.context, leaf->signature_key);
  const uint32_t skipped = opened.key.skipped;
  past.secret_tree.consume(std::move(opened.key));
  FramedContent& content = opened.content.content;
  return {*leaf,
          index,
          message.epoch,
          std::move(content.authenticated_data),
          std::get<Bytes>(std::move(content.content)),
          skipped};
}

// It is what the first commit since then that changed it has replaced.
const LeafNode* Group::leaf_in_past(size_t at, LeafIndex index) const {
  for (size_t i = at + 1; i-- > 0;) {
    const auto& replaced = past_[i].replaced;
    auto it = std::ranges::lower_bound(replaced, index, {}, &ReplacedLeaf::index);
    if (it != replaced.end() && it->index == index) return it->leaf ? &*it->leaf : nullptr;
  }
  return epoch_.tree.leaf(index);
}

std::optional<std::vector<const LeafNode*>> Group::leaves_at(uint64_t epoch) const {
  std::vector<const LeafNode*> out;
  if (epoch == context().epoch) {
    for (const Member& member : members()) out.push_back(member.leaf);
    return out;
  }
  const size_t at = find_past(epoch);
  if (at == past_.size()) return std::nullopt;
  uint32_t width = epoch_.tree.width();  // it was wider before where it was truncated since
  for (size_t i = 0; i <= at; ++i) {
    const auto& replaced = past_[i].replaced;
    if (!replaced.empty()) width = std::max(width, value(replaced.back().index) + 1);
  }
  for (uint32_t i = 0; i < width; ++i) {
    if (const LeafNode* leaf = leaf_in_past(at, LeafIndex{i})) out.push_back(leaf);
  }
  return out;
}

Processed Group::process(const MlsMessage& message, const Policy& policy, const PskLookup& psks) {
  require(active_, Reject::group_suspended);
  const auto* private_message = message.get<PrivateMessage>();
  const auto* public_message = message.get<PublicMessage>();
  if (private_message == nullptr && public_message == nullptr) {
    throw Error(Reason::usage, "only a PublicMessage or PrivateMessage is processed by a group");
  }
  const Bytes& group_id =
      private_message ? private_message->group_id : public_message->content.group_id;
  uint64_t epoch = private_message ? private_message->epoch : public_message->content.epoch;
  require(group_id == context().group_id, Reject::wrong_group);
  if (private_message && epoch < context().epoch) return open_past(*private_message);
  require(epoch == context().epoch, Reject::wrong_epoch);

  std::optional<SecretTree::Found> used_key;
  AuthenticatedContent content = open(message, used_key);
  if (content.content.content_type() == ContentType::commit) {
    StagedCommit staged = stage(content, policy, psks);
    staged.used_key = std::move(used_key);
    return staged;
  }
  Processed out;
  FramedContent& framed = content.content;
  if (auto* data = std::get_if<Bytes>(&framed.content)) {
    LeafIndex index = framed.sender.leaf_index();
    out = ApplicationMessage{*epoch_.tree.leaf(index),
                             index,
                             epoch,
                             std::move(framed.authenticated_data),
                             std::move(*data),
                             used_key->skipped};
  } else {
    QueuedProposal received{std::get<Proposal>(framed.content), framed.sender, {}};
    // Its sender has judged lifetimes (7.3), and who commits it will. Who reads it late must have
    // it for the commit that refers to it.
    CommitSetting at_arrival = setting(framed.sender, policy);
    at_arrival.is_received = true;
    validate_proposal(at_arrival, received);
    require(policy.accepts_proposal == nullptr || policy.accepts_proposal(received),
            Reject::proposal_refused);
    out = ReceivedProposal{queue(content)};
  }
  if (used_key) epoch_.secret_tree.consume(std::move(*used_key));
  return out;
}

// The same proposal again changes nothing: anybody can send a PublicMessage twice.
const QueuedProposal& Group::queue(const AuthenticatedContent& content) {
  const Bytes encoded = codec::encode(content);
  ProposalRef ref = make_proposal_ref(suite(), encoded);
  auto known = std::ranges::find(proposals_, ref, &QueuedProposal::ref);
  if (known != proposals_.end()) return *known;
  if (proposals_.size() >= limits::mls_pending_proposals ||
      encoded.size() > limits::mls_pending_proposal_bytes - proposal_bytes_) {
    throw Error(Reason::too_large, "too many proposals wait for a commit in this epoch");
  }
  proposals_.push_back({std::get<Proposal>(content.content.content), content.content.sender, ref});
  proposal_bytes_ += encoded.size();
  unsaved_.proposals = true;
  return proposals_.back();
}

ProposalList Group::resolve(const Commit& commit, const Sender& sender) const {
  ProposalList out;
  std::set<View, ViewLess> refs;  // each once: 33 bytes must not copy a large proposal many times
  for (const ProposalOrRef& entry : commit.proposals) {
    if (const auto* proposal = std::get_if<Proposal>(&entry.content)) {
      out.push_back({*proposal, sender, {}});
      continue;
    }
    const ProposalRef& ref = std::get<ProposalRef>(entry.content);
    require(refs.insert(ref).second, Reject::duplicate_proposal_reference);
    auto it = std::ranges::find(proposals_, ref, &QueuedProposal::ref);
    require(it != proposals_.end(), Reject::unknown_proposal_reference);
    out.push_back(*it);
  }
  return out;
}

// Our private keys after the proposals: an Update of ours brings the key that we kept for it.
TreeKeys Group::keys_after(const AppliedProposals& applied) const {
  TreeKeys keys = epoch_.keys;
  if (const LeafNode* own = applied.tree.leaf(own_leaf())) {
    auto it = update_keys_.find(own->encryption_key);
    if (it != update_keys_.end()) keys.set(node_of(own_leaf()), it->second);
  }
  keys.prune(applied.tree);
  return keys;
}

StagedCommit Group::stage(const AuthenticatedContent& content, const Policy& policy,
                          const PskLookup& lookup) const {
  const Commit& commit = std::get<Commit>(content.content.content);
  const Sender& sender = content.content.sender;
  ProposalList list = resolve(commit, sender);
  CommitSetting before = setting(sender, policy);
  before.is_received = true;
  AppliedProposals applied = apply_proposals(before, list);
  require(commit.path.has_value() || !applied.path_required, Reject::missing_path);

  bool external = sender.sender_type == SenderType::new_member_commit;
  LeafIndex committer = sender.leaf_index();
  if (external) {
    committer = applied.tree.leftmost_blank_leaf();
    applied.tree.extend_to(committer);
  }
  TreeKeys keys = keys_after(applied);
  if (commit.path) {
    validate_path_leaf(before, applied, commit.path->leaf_node);
    merge_update_path(suite(), applied.tree, committer, *commit.path, context().group_id);
  }
  require_consistent(before, applied, committer);

  StagedCommit out = staged_from(applied, committer);
  if (external) out.added.push_back(committer);
  if (std::ranges::find(applied.removed, own_leaf()) != applied.removed.end()) {
    const Bytes& us = epoch_.tree.leaf(own_leaf())->signature_key;
    out.adds_us_anew = std::ranges::any_of(out.added, [&](LeafIndex index) {
      return equal(applied.tree.leaf(index)->signature_key, us);
    });
    return out;
  }

  GroupContext next = provisional_context(context(), suite(), applied.tree, applied.extensions);
  Secret commit_secret(suite().hash_size());
  if (commit.path) {
    PathSecrets path = decrypt_path(suite(), applied.tree, keys, committer, *commit.path,
                                    codec::encode(next), applied.added);
    keys.set(path);
    commit_secret = std::move(path.commit_secret);
  }
  keys.prune(applied.tree);
  Secret psk = psk_secret(suite(), find_psks(applied.psks, lookup));
  Secret init_secret =
      applied.external_init
          ? receive_external_init(suite(), epoch_.secrets, applied.external_init->kem_output)
          : epoch_.secrets.init_secret.clone();
  out.next = enter_epoch({std::move(next), std::move(applied.tree), std::move(keys), init_secret,
                          commit_secret, psk, epoch_.interim_transcript_hash},
                         content)
                 .epoch;
  require(constant_time_equal(out.next->confirmation_tag, *content.auth.confirmation_tag),
          Reject::bad_confirmation_tag);
  return out;
}

StagedCommit Group::staged_from(const AppliedProposals& applied, LeafIndex committer) const {
  StagedCommit out{.epoch = context().epoch,
                   .committer = committer,
                   .added = applied.added,
                   .updated = applied.updated,
                   .removed = applied.removed,
                   .old_tree = epoch_.tree};
  if (applied.reinit != nullptr) out.reinit = *applied.reinit;
  for (const Custom* custom : applied.custom) out.custom.push_back(*custom);
  return out;
}

void Group::merge(StagedCommit&& staged) {
  require(active_, Reject::group_suspended);  // else a commit of ours would undo our removal
  // Another commit may have been merged since this one was staged.
  require(staged.epoch == context().epoch, Reject::wrong_epoch);
  if (staged.used_key) epoch_.secret_tree.consume(std::move(*staged.used_key));
  proposals_.clear();
  proposal_bytes_ = 0;
  update_keys_.clear();
  unsaved_.proposals = true;
  unsaved_.epoch = true;
  discard_pending();
  if (!staged.next) return forget_keys();
  enter(std::move(*staged.next));
  reinit_ = std::move(staged.reinit);
  active_ = !reinit_.has_value();
}

void Group::enter(Epoch&& next) {
  PastEpoch past{std::move(epoch_.context),
                 epoch_.keys.leaf_index(),
                 std::move(epoch_.secrets.sender_data_secret),
                 std::move(epoch_.secrets.resumption_psk),
                 {},
                 std::move(epoch_.secret_tree)};
  for (NodeIndex node : next.tree.changed_since(epoch_.tree)) {
    unsaved_.nodes.insert(node);
    if (!is_leaf(node)) continue;
    const LeafNode* leaf = epoch_.tree.leaf(leaf_of(node));
    past.replaced.push_back({leaf_of(node), leaf ? std::optional(*leaf) : std::nullopt});
  }
  unsaved_.past.insert(past.context.epoch);
  past_.push_front(std::move(past));
  if (past_.size() > limits::mls_past_epochs) {
    unsaved_.dropped.insert(past_.back().context.epoch);
    past_.pop_back();
  }
  epoch_ = std::move(next);
  epoch_.secret_tree.mark_unsaved();  // a pending commit's was saved under another name
}

// 9.2 and 16.6: who was removed has no more use for any key of the group.
void Group::forget_keys() {
  active_ = false;
  for (const PastEpoch& past : past_) unsaved_.dropped.insert(past.context.epoch);
  unsaved_.dropped.insert(context().epoch);
  past_.clear();
  epoch_.keys = TreeKeys(own_leaf());
  epoch_.secrets = {};
  epoch_.secret_tree = SecretTree(suite(), epoch_.tree.width(), Secret());
}

}  // namespace qnpc::mls
