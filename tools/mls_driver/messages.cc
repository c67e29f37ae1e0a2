// Application messages, and the PSKs of a client.

#include "tools/mls_driver/operations.h"

namespace qnpc::driver {

Json protect(Client& client, const Request& request) {
  Member& member = client.handles.member(request.handle("state_id"));
  Bytes ciphertext = member.group.protect(request.bytes("plaintext"), member.signer, 0,
                                          client.random, request.bytes("authenticated_data"));
  return {{"ciphertext", to_hex(ciphertext)}};
}

Json unprotect(Client& client, const Request& request) {
  Member& member = client.handles.member(request.handle("state_id"));
  mls::MlsMessage message{request.mls_message<mls::PrivateMessage>("ciphertext")};
  if (message.get<mls::PrivateMessage>()->content_type != mls::ContentType::application) {
    throw Error(Reason::usage, "ciphertext is a handshake message: handle_commit takes those");
  }
  mls::Processed processed = member.group.process(message, client.policy(), member.psks.lookup());
  const auto& content = std::get<mls::ApplicationMessage>(processed);
  return {{"authenticated_data", to_hex(content.authenticated_data)},
          {"plaintext", to_hex(content.data)}};
}

Json store_psk(Client& client, const Request& request) {
  Handle& handle = client.handles.any(request.handle("state_or_transaction_id"));
  Secret secret = Secret::copy_of(request.bytes("psk_secret"));
  Bytes psk_id = request.bytes("psk_id");
  if (auto* member = std::get_if<std::shared_ptr<Member>>(&handle)) {
    (*member)->psks.put_external(psk_id, std::move(secret));
  } else if (auto* joiner = std::get_if<Joiner>(&handle)) {
    joiner->psks.put_external(psk_id, std::move(secret));
  } else {
    throw Error(Reason::not_found, "the handle is no state and no transaction");
  }
  return Json::object();
}

}  // namespace qnpc::driver
