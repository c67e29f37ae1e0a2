// Proposals of members, each in a message of its own for a commit to refer to, RFC 9420 12.1.

#include "tools/mls_driver/operations.h"

namespace qnpc::driver {
namespace {

Member& member_of(Client& client, const Request& request) {
  return client.handles.member(request.handle("state_id"));
}

Json propose(Client& client, Member& member, mls::Proposal proposal) {
  Bytes message = member.group.propose(std::move(proposal), member.signer, client.policy(),
                                       client.random, member.wire_format);
  Json reply{{"proposal", to_hex(message)}};
  member.proposals.emplace(std::move(message), member.group.proposals().back().ref);
  return reply;
}

mls::Proposal external_psk(Client& client, const Request& request, const mls::Suite& suite) {
  return {mls::PreSharedKey{{.psktype = mls::PskType::external,
                             .psk_id = request.bytes("psk_id"),
                             .psk_nonce = client.random.bytes(suite.hash_size())}}};
}

mls::Proposal resumption_psk(Client& client, const Request& request,
                             const mls::GroupContext& context) {
  const size_t nonce_size = mls::suite_of(context.cipher_suite).hash_size();
  return {mls::PreSharedKey{{.psktype = mls::PskType::resumption,
                             .usage = mls::ResumptionPskUsage::application,
                             .psk_group_id = context.group_id,
                             .psk_epoch = request.number("epoch_id"),
                             .psk_nonce = client.random.bytes(nonce_size)}}};
}

mls::Proposal reinit(const Request& request) {
  return {mls::ReInit{request.bytes("group_id"), mls::ProtocolVersion::mls10, request.suite().id,
                      request.extensions()}};
}

mls::Proposal remove(const Request& request, const mls::RatchetTree& tree) {
  return {mls::Remove{find_identity(tree, request.bytes("removed_id"))}};
}

mls::Proposal add(const Request& request) {
  return {mls::Add{request.mls_message<mls::KeyPackage>("key_package")}};
}

}  // namespace

mls::Proposal described_proposal(Client& client, const Request& description,
                                 const ProposalSetting& setting) {
  // A field of type bytes that holds a word: taken as the word, or as its hexadecimal form.
  std::string type = description.text("proposal_type");
  if (auto word = from_hex(type)) type = to_text(*word);
  if (type == "add") return add(description);
  if (type == "remove") return remove(description, setting.tree);
  if (type == "externalPSK") {
    return external_psk(client, description, mls::suite_of(setting.context.cipher_suite));
  }
  if (type == "resumptionPSK") return resumption_psk(client, description, setting.context);
  if (type == "groupContextExtensions") {
    return {mls::GroupContextExtensions{description.extensions()}};
  }
  if (type == "reinit") return reinit(description);
  throw Error(Reason::malformed, "proposal_type is none that can be described");
}

Json add_proposal(Client& client, const Request& request) {
  return propose(client, member_of(client, request), add(request));
}

Json update_proposal(Client& client, const Request& request) {
  Member& member = member_of(client, request);
  return propose(client, member, member.group.make_update(member.signer, client.random));
}

Json remove_proposal(Client& client, const Request& request) {
  Member& member = member_of(client, request);
  return propose(client, member, remove(request, member.group.tree()));
}

Json external_psk_proposal(Client& client, const Request& request) {
  Member& member = member_of(client, request);
  return propose(client, member, external_psk(client, request, member.group.suite()));
}

Json resumption_psk_proposal(Client& client, const Request& request) {
  Member& member = member_of(client, request);
  return propose(client, member, resumption_psk(client, request, member.group.context()));
}

Json group_context_extensions_proposal(Client& client, const Request& request) {
  return propose(client, member_of(client, request),
                 {mls::GroupContextExtensions{request.extensions()}});
}

Json re_init_proposal(Client& client, const Request& request) {
  return propose(client, member_of(client, request), reinit(request));
}

// A GroupContextExtensions proposal: the group's extensions, with one more external sender.
Json add_external_signer(Client& client, const Request& request) {
  Member& member = member_of(client, request);
  mls::Extensions extensions = member.group.context().extensions;
  auto senders =
      mls::get_extension<mls::ExternalSenders>(extensions, mls::ExtensionType::external_senders)
          .value_or(mls::ExternalSenders{});
  const size_t signer_index = senders.size();
  senders.push_back(codec::decode<mls::ExternalSender>(request.bytes("external_sender")));
  std::erase_if(extensions, [](const mls::Extension& extension) {
    return extension.extension_type == mls::ExtensionType::external_senders;
  });
  extensions.push_back({mls::ExtensionType::external_senders, codec::encode(senders)});
  Json reply = propose(client, member, {mls::GroupContextExtensions{std::move(extensions)}});
  reply["signer_index"] = signer_index;
  return reply;
}

}  // namespace qnpc::driver
