// Becoming a member of a group, and what a member can say of it.

#include "tools/mls_driver/operations.h"

namespace qnpc::driver {
namespace {

Bytes new_nonce(Client& client, const mls::Suite& suite) {
  return client.random.bytes(suite.hash_size());
}

}  // namespace

Json name(Client&, const Request&) { return {{"name", "quicnprotochat"}}; }

Json supported_ciphersuites(Client&, const Request&) {
  Json suites = Json::array();
  for (const mls::Suite& suite : mls::supported_suites()) {
    suites.push_back(static_cast<uint16_t>(suite.id));
  }
  return {{"ciphersuites", std::move(suites)}};
}

Json create_group(Client& client, const Request& request) {
  const mls::Suite& suite = request.suite();
  crypto::SignatureKeyPair signer = client.new_signer(suite);
  mls::LeafNode leaf = client.leaf(request.bytes("identity"), signer);
  mls::Group group = mls::Group::create(suite, request.bytes("group_id"), std::move(leaf), {},
                                        signer, client.random);
  auto member = std::make_shared<Member>(
      Member{std::move(group), std::move(signer), request.wire_format(), {}});
  member->psks.put_resumption(member->group);
  return {{"state_id", client.handles.add(std::move(member))}};
}

void put_private_keys(Json& reply, const Joiner& joiner) {
  reply["init_priv"] = to_hex(joiner.keys.init.private_key.reveal());
  reply["encryption_priv"] = to_hex(joiner.keys.encryption.private_key.reveal());
  reply["signature_priv"] = to_hex(joiner.signer.private_key.reveal());
}

Json create_key_package(Client& client, const Request& request) {
  Joiner joiner = client.new_joiner(request.suite(), request.bytes("identity"));
  Json reply{{"key_package", to_hex(mls::to_message(joiner.key_package))}};
  put_private_keys(reply, joiner);
  reply["transaction_id"] = client.handles.add(std::move(joiner));
  return reply;
}

Member joined(Joiner& joiner, const mls::Welcome& welcome, std::optional<mls::RatchetTree> tree,
              mls::WireFormat wire_format, const mls::Group* predecessor) {
  mls::Group group = mls::Group::join(welcome, {.key_package = joiner.key_package,
                                                .keys = joiner.keys,
                                                .psks = joiner.psks.lookup(),
                                                .ratchet_tree = std::move(tree),
                                                .predecessor = predecessor,
                                                .policy = mls::LifetimeRule({}, UINT64_MAX)});
  Member out{std::move(group), std::move(joiner.signer), wire_format, std::move(joiner.psks)};
  out.psks.put_resumption(out.group);
  return out;
}

Json join_reply(Client& client, Member member) {
  std::string authenticator = to_hex(member.group.epoch_authenticator());
  uint32_t state_id = client.handles.add(std::make_shared<Member>(std::move(member)));
  return {{"state_id", state_id}, {"epoch_authenticator", std::move(authenticator)}};
}

// `identity` says what create_key_package was told already.
Json join_group(Client& client, const Request& request) {
  const uint32_t transaction_id = request.handle("transaction_id");
  auto welcome = request.mls_message<mls::Welcome>("welcome");
  auto& joiner = client.handles.get<Joiner>(transaction_id);
  Member member = joined(joiner, welcome, request.tree(), request.wire_format());
  client.handles.erase(transaction_id);  // a KeyPackage is good for one Welcome
  return join_reply(client, std::move(member));
}

Json external_join(Client& client, const Request& request) {
  auto info = request.mls_message<mls::GroupInfo>("group_info");
  const mls::Suite& suite = mls::suite_of(info.group_context.cipher_suite);
  crypto::SignatureKeyPair signer = client.new_signer(suite);
  Bytes identity = request.bytes("identity");
  PskStore psks;
  mls::ExternalJoinInputs inputs{
      .leaf = client.leaf(identity, signer), .signer = signer, .ratchet_tree = request.tree()};
  if (request.flag("remove_prior")) {
    inputs.replaces =
        find_identity(mls::validated_tree(info, inputs.ratchet_tree, client.policy()), identity);
  }
  for (const Request& psk : request.list_of_messages("psks")) {
    Bytes psk_id = psk.bytes("psk_id");
    psks.put_external(psk_id, Secret::copy_of(psk.bytes("psk_secret")));
    inputs.psk_ids.push_back({.psktype = mls::PskType::external,
                              .psk_id = std::move(psk_id),
                              .psk_nonce = new_nonce(client, suite)});
  }
  inputs.psks = psks.lookup();
  mls::ExternalJoin join = mls::Group::external_join(info, inputs, client.policy(), client.random);
  psks.put_resumption(join.group);
  Json reply = join_reply(
      client, {std::move(join.group), std::move(signer), request.wire_format(), std::move(psks)});
  reply["commit"] = to_hex(join.message);
  return reply;
}

Json group_info(Client& client, const Request& request) {
  const Member& member = client.handles.member(request.handle("state_id"));
  const bool external_tree = request.flag("external_tree");
  mls::GroupInfo info = member.group.group_info(member.signer, !external_tree);
  Bytes tree = external_tree ? codec::encode(member.group.tree()) : Bytes{};
  return {{"group_info", to_hex(mls::to_message(std::move(info)))}, {"ratchet_tree", to_hex(tree)}};
}

Json state_auth(Client& client, const Request& request) {
  const Member& member = client.handles.member(request.handle("state_id"));
  return {{"state_auth_secret", to_hex(member.group.epoch_authenticator())}};
}

Json export_secret(Client& client, const Request& request) {
  const Member& member = client.handles.member(request.handle("state_id"));
  Secret secret = member.group.export_secret(request.text("label"), request.bytes("context"),
                                             request.number("key_length", UINT32_MAX));
  return {{"exported_secret", to_hex(secret.reveal())}};
}

Json free_handle(Client& client, const Request& request) {
  constexpr const char* fields[] = {"state_id", "transaction_id", "state_or_transaction_id",
                                    "reinit_id", "signer_id"};
  for (const char* field : fields) {
    const uint32_t id = request.handle(field);
    if (id == 0) continue;
    client.handles.erase(id);
    return Json::object();
  }
  throw Error(Reason::usage, "free needs a handle, in state_id for example");
}

}  // namespace qnpc::driver
