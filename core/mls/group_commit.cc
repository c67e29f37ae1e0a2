// What a member sends: application data, proposals and commits. RFC 9420 12.4.1 and section 15.

#include <algorithm>
#include <iterator>

#include "qnpc/mls/commit_path.h"
#include "qnpc/mls/group.h"

namespace qnpc::mls {
namespace {

// 12.4.3: one Welcome for all that the commit adds.
Bytes make_welcome(const NewEpoch& next, const AppliedProposals& applied, const PathSecrets* path,
                   const std::vector<Psk>& psks, const Secret& psk, bool with_tree,
                   const crypto::SignatureKeyPair& signer, Random& random) {
  const Epoch& epoch = next.epoch;
  const Suite& suite = epoch.suite();
  GroupInfo info{.group_context = epoch.context,
                 .confirmation_tag = epoch.confirmation_tag,
                 .signer = epoch.own_leaf()};
  if (with_tree) {
    info.extensions.push_back({ExtensionType::ratchet_tree, codec::encode(epoch.tree)});
  }
  info.sign(suite, signer);
  Welcome welcome{.cipher_suite = suite.id};
  welcome.encrypted_group_info =
      encrypt_group_info(suite, welcome_secret(suite, next.joiner_secret, psk), info);

  std::vector<WelcomeShare> shares;
  for (size_t i = 0; i < applied.added.size(); ++i) {
    GroupSecrets secrets{.joiner_secret = next.joiner_secret.clone()};
    for (const Psk& p : psks) secrets.psks.push_back(p.id);
    if (path != nullptr) {
      NodeIndex ancestor = common_ancestor(applied.added[i], epoch.own_leaf());
      auto step = std::ranges::find(path->steps, ancestor, &PathStep::node);
      if (step == path->steps.end()) throw Error(Reason::internal, "a joiner below no path node");
      secrets.path_secret = PathSecret{step->path_secret.clone()};
    }
    shares.push_back({applied.added_packages[i], std::move(secrets),
                      random.secret(crypto::hpke_seed_size(suite.kem()))});
  }
  welcome.secrets = encrypt_group_secrets(suite, shares, welcome.encrypted_group_info);
  return to_message(std::move(welcome));
}

std::vector<ProposalOrRef> listed(const ProposalList& list) {
  std::vector<ProposalOrRef> out;
  for (const QueuedProposal& p : list) {
    if (p.ref.empty()) {
      out.push_back({p.proposal});
    } else {
      out.push_back({p.ref});
    }
  }
  return out;
}

}  // namespace

Bytes Group::protect(View data, const crypto::SignatureKeyPair& signer, size_t padding,
                     Random& random, View authenticated_data) {
  require(active_, Reject::group_suspended);
  require(proposals_.empty(), Reject::proposals_pending);
  AuthenticatedContent content =
      sign_content(suite(), WireFormat::private_message, framed(to_bytes(data), authenticated_data),
                   context(), signer);
  MessageKey key = epoch_.secret_tree.next(own_leaf(), RatchetType::application);
  return to_message(
      protect_private(suite(), content, key, epoch_.secrets.sender_data_secret, padding, random));
}

Bytes Group::protect_handshake(AuthenticatedContent content, Random& random) {
  if (content.wire_format == WireFormat::public_message) {
    return to_message(
        protect_public(suite(), std::move(content), context(), epoch_.secrets.membership_key));
  }
  MessageKey key = epoch_.secret_tree.next(own_leaf(), RatchetType::handshake);
  return to_message(
      protect_private(suite(), content, key, epoch_.secrets.sender_data_secret, 0, random));
}

Proposal Group::make_update(const crypto::SignatureKeyPair& signer, Random& random,
                            std::optional<Credential> new_credential) {
  auto key =
      std::make_shared<const crypto::HpkeKeyPair>(crypto::generate_hpke_key(suite().kem(), random));
  LeafNode leaf = epoch_.tree.leaf(own_leaf())
                      ->renewed(LeafNodeSource::update, key->public_key, signer.public_key);
  if (new_credential) leaf.credential = std::move(*new_credential);
  leaf.sign(suite(), signer, LeafPosition{context().group_id, own_leaf()});
  update_keys_[key->public_key] = key;
  unsaved_.proposals = true;
  return {Update{std::move(leaf)}};
}

Bytes Group::propose(Proposal proposal, const crypto::SignatureKeyPair& signer,
                     const Policy& policy, Random& random, WireFormat wire_format) {
  require(active_, Reject::group_suspended);
  validate_proposal(setting(self(), policy), {proposal, self(), {}});
  AuthenticatedContent content =
      sign_content(suite(), wire_format, framed(std::move(proposal), {}), context(), signer);
  queue(content);
  return protect_handshake(std::move(content), random);
}

NewCommit Group::commit(const CommitOptions& options, const crypto::SignatureKeyPair& signer,
                        const Policy& policy, Random& random, const PskLookup& lookup) {
  require(active_, Reject::group_suspended);
  CommitSetting before = setting(self(), policy);
  ProposalList by_value;
  for (const Proposal& proposal : options.proposals) by_value.push_back({proposal, self(), {}});
  ProposalList list;
  if (options.references) {
    Commit asked;
    for (const ProposalRef& ref : *options.references) asked.proposals.push_back({ref});
    list = resolve(asked, self());
  } else if (options.include_proposed) {
    list = select_proposals(before, proposals_, by_value, [&](const PreSharedKeyId& id) {
      return find_psk(id, lookup).has_value();
    });
  }
  std::ranges::move(by_value, std::back_inserter(list));
  if (context().epoch == 0) before.successor_of = options.successor_of;  // 11.2, 11.3
  const crypto::SignatureKeyPair& next_signer = options.new_signer ? *options.new_signer : signer;
  AppliedProposals applied = apply_proposals(before, list);

  Commit commit{listed(list), std::nullopt};
  TreeKeys keys = keys_after(applied);
  PathSecrets path;
  path.commit_secret = Secret(suite().hash_size());
  if (applied.path_required || options.new_signer != nullptr || options.new_credential ||
      options.new_leaf_extensions || (options.force_path && applied.reinit == nullptr)) {
    LeafNode from = *applied.tree.leaf(own_leaf());
    if (options.new_credential) from.credential = *options.new_credential;
    if (options.new_leaf_extensions) from.extensions = *options.new_leaf_extensions;
    CommitPath made =
        make_commit_path(suite(), context(), applied, own_leaf(), from, next_signer, random);
    validate_path_leaf(before, applied, made.path.leaf_node);
    commit.path = std::move(made.path);
    path = std::move(made.secrets);
    keys = std::move(made.keys);
  }
  require_consistent(before, applied, own_leaf());
  std::vector<Psk> psks = find_psks(applied.psks, lookup);
  Secret psk = psk_secret(suite(), psks);

  bool has_path = commit.path.has_value();
  AuthenticatedContent content =
      sign_content(suite(), options.wire_format,
                   framed(std::move(commit), options.authenticated_data), context(), signer);
  NewEpoch next =
      enter_epoch({provisional_context(context(), suite(), applied.tree, applied.extensions),
                   applied.tree, std::move(keys), epoch_.secrets.init_secret, path.commit_secret,
                   psk, epoch_.interim_transcript_hash},
                  content);
  content.auth.confirmation_tag = next.epoch.confirmation_tag;

  NewCommit out;
  out.proposals = options.proposals;
  if (!applied.added.empty()) {
    out.welcome = make_welcome(next, applied, has_path ? &path : nullptr, psks, psk,
                               options.tree_in_welcome, next_signer, random);
  }
  out.staged = staged_from(applied, own_leaf());
  out.staged.next = std::move(next.epoch);
  out.message = protect_handshake(std::move(content), random);
  return out;
}

}  // namespace qnpc::mls
