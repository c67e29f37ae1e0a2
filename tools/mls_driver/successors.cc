// Groups that follow another: reinitialization and branches, RFC 9420 11.2 and 11.3.

#include "tools/mls_driver/operations.h"

namespace qnpc::driver {
namespace {

// HandleReInitCommitResponse: the old group is over with `commit`, which `enter` merges, and we are
// ready to join the new one.
Json reinitialize(Client& client, uint32_t state_id, const mls::StagedCommit& commit,
                  const std::function<Bytes(Member&)>& enter) {
  auto& member = client.handles.get<std::shared_ptr<Member>>(state_id);
  if (!commit.reinit) throw Error(Reason::usage, "no ReInit in the commit: handle_commit takes it");
  const mls::Suite& suite = mls::suite_of(commit.reinit->cipher_suite);
  Joiner joiner = client.new_joiner(suite, member->identity());
  joiner.psks = member->psks.clone();
  Json reply{{"key_package", to_hex(mls::to_message(joiner.key_package))}};
  reply["reinit_id"] = client.handles.add(Reinitialization{member, std::move(joiner)});
  reply["epoch_authenticator"] = to_hex(enter(*member));
  return reply;
}

// What a group that follows another begins with.
struct Successor {
  const mls::Suite& suite;
  Bytes group_id;
  mls::Extensions extensions;
  mls::ResumptionPskUsage usage;
};

// CreateSubgroupResponse: a new group, and one commit that adds all the others.
Json create_successor(Client& client, const Member& old, Successor successor,
                      crypto::SignatureKeyPair signer, std::vector<mls::KeyPackage> others,
                      const Request& request) {
  mls::Group group = mls::Group::create(successor.suite, std::move(successor.group_id),
                                        client.leaf(old.identity(), signer),
                                        std::move(successor.extensions), signer, client.random);
  const bool external_tree = request.flag("external_tree");
  mls::CommitOptions options{.force_path = request.flag("force_path"),
                             .wire_format = old.wire_format,
                             .tree_in_welcome = !external_tree,
                             .successor_of = successor.usage};
  Bytes nonce = client.random.bytes(successor.suite.hash_size());
  options.proposals.push_back(
      {mls::PreSharedKey{old.group.resumption_psk_id(successor.usage, std::move(nonce))}});
  for (mls::KeyPackage& other : others) options.proposals.push_back({mls::Add{std::move(other)}});

  const Secret psk = old.group.resumption_psk();
  auto lookup = [&](const mls::PreSharedKeyId&) { return std::optional(psk.clone()); };
  mls::NewCommit commit = group.commit(options, signer, client.policy(), client.random, lookup);
  group.merge(std::move(commit.staged));
  PskStore psks = old.psks.clone();
  psks.put_resumption(group);
  Bytes tree = external_tree ? codec::encode(group.tree()) : Bytes{};
  Json reply =
      join_reply(client, {std::move(group), std::move(signer), old.wire_format, std::move(psks)});
  reply["welcome"] = to_hex(commit.welcome.value_or(Bytes{}));
  reply["ratchet_tree"] = to_hex(tree);
  return reply;
}

crypto::SignatureKeyPair clone(const crypto::SignatureKeyPair& signer) {
  return {signer.private_key.clone(), signer.public_key};
}

}  // namespace

Json handle_pending_re_init_commit(Client& client, const Request& request) {
  const uint32_t state_id = request.handle("state_id");
  const mls::NewCommit* pending = client.handles.member(state_id).group.pending();
  if (pending == nullptr) throw Error(Reason::usage, "no commit of this state is pending");
  return reinitialize(client, state_id, pending->staged,
                      [](Member& member) { return member.enter_pending(); });
}

Json handle_re_init_commit(Client& client, const Request& request) {
  const uint32_t state_id = request.handle("state_id");
  Member& member = client.handles.member(state_id);
  mls::StagedCommit staged = received_commit(client, member, request);
  return reinitialize(client, state_id, staged,
                      [&](Member& m) { return m.enter(std::move(staged)); });
}

Json re_init_welcome(Client& client, const Request& request) {
  auto& reinit = client.handles.get<Reinitialization>(request.handle("reinit_id"));
  const mls::ReInit& announced = reinit.member->group.reinit().value();
  return create_successor(client, *reinit.member,
                          {.suite = mls::suite_of(announced.cipher_suite),
                           .group_id = announced.group_id,
                           .extensions = announced.extensions,
                           .usage = mls::ResumptionPskUsage::reinit},
                          clone(reinit.joiner.signer), request.key_packages("key_package"),
                          request);
}

Json handle_re_init_welcome(Client& client, const Request& request) {
  const uint32_t reinit_id = request.handle("reinit_id");
  auto welcome = request.mls_message<mls::Welcome>("welcome");
  auto& reinit = client.handles.get<Reinitialization>(reinit_id);
  Member member = joined(reinit.joiner, welcome, request.tree(), reinit.member->wire_format,
                         &reinit.member->group);
  client.handles.erase(reinit_id);
  return join_reply(client, std::move(member));
}

Json create_branch(Client& client, const Request& request) {
  const Member& member = client.handles.member(request.handle("state_id"));
  return create_successor(client, member,
                          {.suite = member.group.suite(),
                           .group_id = request.bytes("group_id"),
                           .extensions = request.extensions(),
                           .usage = mls::ResumptionPskUsage::branch},
                          clone(member.signer), request.key_packages("key_packages"), request);
}

Json handle_branch(Client& client, const Request& request) {
  const uint32_t transaction_id = request.handle("transaction_id");
  const Member& old = client.handles.member(request.handle("state_id"));
  auto welcome = request.mls_message<mls::Welcome>("welcome");
  auto& joiner = client.handles.get<Joiner>(transaction_id);
  Member member = joined(joiner, welcome, request.tree(), old.wire_format, &old.group);
  client.handles.erase(transaction_id);
  return join_reply(client, std::move(member));
}

}  // namespace qnpc::driver
