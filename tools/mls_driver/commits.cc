// Commits, ours and those of others, RFC 9420 12.4.

#include "tools/mls_driver/operations.h"

namespace qnpc::driver {
namespace {

// Takes the proposals that the member does not know yet, and returns the references of all.
std::vector<mls::ProposalRef> receive_proposals(Client& client, Member& member,
                                                const std::vector<Bytes>& messages) {
  std::vector<mls::ProposalRef> out;
  for (const Bytes& message : messages) {
    auto known = member.proposals.find(message);
    if (known == member.proposals.end()) {
      mls::Processed processed =
          member.group.process(mls::parse_message(message), client.policy(), member.psks.lookup());
      const auto* received = std::get_if<mls::ReceivedProposal>(&processed);
      if (received == nullptr) throw Error(Reason::usage, "a message is no proposal");
      known = member.proposals.emplace(message, received->proposal.ref).first;
    }
    out.push_back(known->second);
  }
  return out;
}

}  // namespace

Json make_commit(Client& client, Member& member, const Request& request) {
  const ProposalSetting setting{member.group.context(), member.group.tree()};
  const bool external_tree = request.flag("external_tree");
  mls::CommitOptions options{.force_path = request.flag("force_path"),
                             .wire_format = member.wire_format,
                             .tree_in_welcome = !external_tree};
  for (const Request& description : request.list_of_messages("by_value")) {
    options.proposals.push_back(described_proposal(client, description, setting));
  }
  options.references = receive_proposals(client, member, request.list_of_bytes("by_reference"));
  mls::NewCommit commit = member.group.commit(options, member.signer, client.policy(),
                                              client.random, member.psks.lookup());
  Bytes tree = external_tree ? codec::encode(commit.staged.next->tree) : Bytes{};
  Json reply{{"commit", to_hex(commit.message)},
             {"welcome", to_hex(commit.welcome.value_or(Bytes{}))},
             {"ratchet_tree", to_hex(tree)}};
  member.group.discard_pending();
  member.group.set_pending(std::move(commit));
  return reply;
}

mls::StagedCommit received_commit(Client& client, Member& member, const Request& request) {
  receive_proposals(client, member, request.list_of_bytes("proposal"));
  mls::MlsMessage message = mls::parse_message(request.bytes("commit"));
  const auto* sealed = message.get<mls::PrivateMessage>();
  const auto* open = message.get<mls::PublicMessage>();
  const bool is_commit = (sealed && sealed->content_type == mls::ContentType::commit) ||
                         (open && open->content.content_type() == mls::ContentType::commit);
  if (!is_commit) throw Error(Reason::usage, "commit is no commit");
  mls::Processed processed = member.group.process(message, client.policy(), member.psks.lookup());
  return std::get<mls::StagedCommit>(std::move(processed));
}

Json commit(Client& client, const Request& request) {
  return make_commit(client, client.handles.member(request.handle("state_id")), request);
}

Json handle_commit(Client& client, const Request& request) {
  const uint32_t state_id = request.handle("state_id");
  Member& member = client.handles.member(state_id);
  Bytes authenticator = member.enter(received_commit(client, member, request));
  return {{"state_id", state_id}, {"epoch_authenticator", to_hex(authenticator)}};
}

Json handle_pending_commit(Client& client, const Request& request) {
  const uint32_t state_id = request.handle("state_id");
  Member& member = client.handles.member(state_id);
  Bytes authenticator = member.enter_pending();
  return {{"state_id", state_id}, {"epoch_authenticator", to_hex(authenticator)}};
}

}  // namespace qnpc::driver
