// Those who act from outside: joining by an external commit, and proposals of those who are no
// members. RFC 9420 12.1.8 and 12.4.3.2.

#include "qnpc/mls/commit_path.h"
#include "qnpc/mls/group.h"

namespace qnpc::mls {
namespace {

struct ExternalPub {
  Bytes external_pub;
  static auto wire(auto& m) { return std::tie(m.external_pub); }
};

}  // namespace

RatchetTree validated_tree(const GroupInfo& info, const std::optional<RatchetTree>& given,
                           const Policy& policy) {
  const Suite& suite = suite_of(info.group_context.cipher_suite);
  require(info.group_context.version == ProtocolVersion::mls10, Reject::wrong_version);
  require_unique(info.extensions);
  auto tree = get_extension<RatchetTree>(info.extensions, ExtensionType::ratchet_tree);
  if (!tree) tree = given;
  require(tree.has_value(), Reject::missing_tree);
  const LeafNode* signer = tree->leaf(info.signer);
  require(signer != nullptr, Reject::wrong_signer);
  require(info.verify(suite, signer->signature_key), Reject::bad_group_info_signature);
  validate_group(suite, *tree, info.group_context, policy);
  return std::move(*tree);
}

GroupInfo Group::group_info(const crypto::SignatureKeyPair& signer, bool with_tree) const {
  ExternalPub external_pub{external_key_pair(suite(), secrets()).public_key};
  GroupInfo info{.group_context = context(),
                 .extensions = {{ExtensionType::external_pub, codec::encode(external_pub)}},
                 .confirmation_tag = epoch_.confirmation_tag,
                 .signer = own_leaf()};
  if (with_tree) {
    info.extensions.push_back({ExtensionType::ratchet_tree, codec::encode(epoch_.tree)});
  }
  info.sign(suite(), signer);
  return info;
}

ExternalJoin Group::external_join(const GroupInfo& info, const ExternalJoinInputs& in,
                                  const Policy& policy, Random& random) {
  const GroupContext& old = info.group_context;
  const Suite& suite = suite_of(old.cipher_suite);
  RatchetTree tree = validated_tree(info, in.ratchet_tree, policy);
  auto external_pub = get_extension<ExternalPub>(info.extensions, ExtensionType::external_pub);
  require(external_pub.has_value(), Reject::missing_external_pub);
  auto [kem_output, init_secret] = send_external_init(suite, external_pub->external_pub, random);

  const Sender sender{SenderType::new_member_commit};
  ProposalList list{{{ExternalInit{std::move(kem_output)}}, sender, {}}};
  if (in.replaces) list.push_back({{Remove{*in.replaces}}, sender, {}});
  std::vector<Psk> psks;
  for (const PreSharedKeyId& id : in.psk_ids) {
    list.push_back({{PreSharedKey{id}}, sender, {}});
    std::optional<Secret> secret = in.psks(id);
    require(secret.has_value(), Reject::unknown_psk);
    psks.push_back({id, std::move(*secret)});
  }
  const CommitSetting setting{suite, old, tree, sender, policy};
  AppliedProposals applied = apply_proposals(setting, list);
  LeafIndex own_leaf = applied.tree.leftmost_blank_leaf();
  applied.tree.extend_to(own_leaf);
  CommitPath made = make_commit_path(suite, old, applied, own_leaf, in.leaf, in.signer, random);
  validate_path_leaf(setting, applied, made.path.leaf_node);
  require_consistent(setting, applied, own_leaf);

  Commit commit;
  for (QueuedProposal& p : list) commit.proposals.push_back({std::move(p.proposal)});
  commit.path = std::move(made.path);
  AuthenticatedContent content = sign_content(
      suite, WireFormat::public_message,
      {old.group_id, old.epoch, sender, in.authenticated_data, std::move(commit)}, old, in.signer);
  Bytes interim =
      interim_transcript_hash(suite, old.confirmed_transcript_hash, info.confirmation_tag);
  GroupContext next = provisional_context(old, suite, applied.tree, applied.extensions);
  Secret psk = psk_secret(suite, psks);
  Epoch epoch = enter_epoch({std::move(next), std::move(applied.tree), std::move(made.keys),
                             init_secret, made.secrets.commit_secret, psk, interim},
                            content)
                    .epoch;
  content.auth.confirmation_tag = epoch.confirmation_tag;
  return {Group(std::move(epoch)), to_message(protect_public(suite, std::move(content), old, {}))};
}

Bytes propose_from_outside(const GroupContext& context, const Sender& sender, Proposal proposal,
                           const crypto::SignatureKeyPair& signer) {
  const Suite& suite = suite_of(context.cipher_suite);
  AuthenticatedContent content = sign_content(
      suite, WireFormat::public_message,
      {context.group_id, context.epoch, sender, {}, std::move(proposal)}, context, signer);
  return to_message(protect_public(suite, std::move(content), context, {}));
}

}  // namespace qnpc::mls
