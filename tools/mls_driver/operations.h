// operations: what a request can ask for. Named as the RPCs of the MLS working group's interop
// harness (mls_client.proto), in snake_case, with the fields of its messages.
//
// Each throws Error and has then changed no state but that proposals which were good stay known.
#pragma once

#include "tools/mls_driver/client.h"
#include "tools/mls_driver/request.h"

namespace qnpc::driver {

// members.cc: becoming a member, and what a member can say of its group.
Json name(Client& client, const Request& request);
Json supported_ciphersuites(Client& client, const Request& request);
Json create_group(Client& client, const Request& request);
Json create_key_package(Client& client, const Request& request);
Json join_group(Client& client, const Request& request);
Json external_join(Client& client, const Request& request);
Json group_info(Client& client, const Request& request);
Json state_auth(Client& client, const Request& request);
Json export_secret(Client& client, const Request& request);
Json free_handle(Client& client, const Request& request);

// messages.cc: application messages and PSKs.
Json protect(Client& client, const Request& request);
Json unprotect(Client& client, const Request& request);
Json store_psk(Client& client, const Request& request);

// proposals.cc: proposals that commits refer to.
Json add_proposal(Client& client, const Request& request);
Json update_proposal(Client& client, const Request& request);
Json remove_proposal(Client& client, const Request& request);
Json external_psk_proposal(Client& client, const Request& request);
Json resumption_psk_proposal(Client& client, const Request& request);
Json group_context_extensions_proposal(Client& client, const Request& request);
Json re_init_proposal(Client& client, const Request& request);
Json add_external_signer(Client& client, const Request& request);

// commits.cc: commits, also those with a ReInit.
Json commit(Client& client, const Request& request);
Json handle_commit(Client& client, const Request& request);
Json handle_pending_commit(Client& client, const Request& request);

// successors.cc: groups that follow another, RFC 9420 11.2 and 11.3.
Json handle_pending_re_init_commit(Client& client, const Request& request);
Json handle_re_init_commit(Client& client, const Request& request);
Json re_init_welcome(Client& client, const Request& request);
Json handle_re_init_welcome(Client& client, const Request& request);
Json create_branch(Client& client, const Request& request);
Json handle_branch(Client& client, const Request& request);

// outsiders.cc: proposals of those who are no members, RFC 9420 12.1.8.
Json new_member_add_proposal(Client& client, const Request& request);
Json create_external_signer(Client& client, const Request& request);
Json external_signer_proposal(Client& client, const Request& request);

// What several of them share.

/// The group that a ProposalDescription is about.
struct ProposalSetting {
  const mls::GroupContext& context;
  const mls::RatchetTree& tree;
};
/// Throws Reason::malformed for an unknown proposal_type.
mls::Proposal described_proposal(Client& client, const Request& description,
                                 const ProposalSetting& setting);

/// A commit of the request's proposals: CommitRequest. Waits in the member as its pending commit.
Json make_commit(Client& client, Member& member, const Request& request);
/// HandleCommitRequest: the staged commit, all of whose proposals are known.
mls::StagedCommit received_commit(Client& client, Member& member, const Request& request);

/// A member who has been welcomed; `joiner` is left without what a member needs.
Member joined(Joiner& joiner, const mls::Welcome& welcome, std::optional<mls::RatchetTree> tree,
              mls::WireFormat wire_format, const mls::Group* predecessor = nullptr);
/// JoinGroupResponse.
Json join_reply(Client& client, Member member);
/// Adds what CreateKeyPackageResponse and NewMemberAddProposalResponse have in common.
void put_private_keys(Json& reply, const Joiner& joiner);

}  // namespace qnpc::driver
