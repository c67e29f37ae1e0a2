// Proposals of those who are no members of the group, RFC 9420 12.1.8.

#include "tools/mls_driver/operations.h"

namespace qnpc::driver {

// The context is all that is needed of the GroupInfo: the members judge what comes of it.
Json new_member_add_proposal(Client& client, const Request& request) {
  auto info = request.mls_message<mls::GroupInfo>("group_info");
  const mls::GroupContext& context = info.group_context;
  Joiner joiner = client.new_joiner(mls::suite_of(context.cipher_suite), request.bytes("identity"));
  Bytes proposal = mls::propose_from_outside(context, {mls::SenderType::new_member_proposal},
                                             {mls::Add{joiner.key_package}}, joiner.signer);
  Json reply{{"proposal", to_hex(proposal)}};
  put_private_keys(reply, joiner);
  reply["transaction_id"] = client.handles.add(std::move(joiner));
  return reply;
}

Json create_external_signer(Client& client, const Request& request) {
  ExternalSigner signer{client.new_signer(request.suite())};
  mls::ExternalSender sender{signer.signer.public_key, {.identity = request.bytes("identity")}};
  Json reply{{"external_sender", to_hex(codec::encode(sender))}};
  reply["signer_id"] = client.handles.add(std::move(signer));
  return reply;
}

Json external_signer_proposal(Client& client, const Request& request) {
  const auto& signer = client.handles.get<ExternalSigner>(request.handle("signer_id"));
  auto info = request.mls_message<mls::GroupInfo>("group_info");
  const mls::GroupContext& context = info.group_context;
  mls::RatchetTree tree = mls::validated_tree(info, request.tree(), client.policy());
  mls::Proposal proposal =
      described_proposal(client, request.message("description"), {context, tree});
  const mls::Sender sender{mls::SenderType::external, request.handle("signer_index")};
  return {{"proposal",
           to_hex(mls::propose_from_outside(context, sender, std::move(proposal), signer.signer))}};
}

}  // namespace qnpc::driver
