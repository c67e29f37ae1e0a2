// invite: adds somebody to a group with one of the KeyPackages that they left at the server.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void invite(Context& context) {
  Bytes invited = parse_identity_key(context.options.peer_key);
  Session session(context, Session::StateUse::required);
  session.find_group(context.options.group);  // before anything is asked of the server
  session.synchronise();
  Group group = session.find_group(context.options.group);
  if (session.messenger().is_member(group, invited)) {
    throw Error(Reason::usage, "they are a member of " + group.alias + " already");
  }
  session.messenger().invite(group, session.fetch_key_package(invited));
  session.deliver();
  size_t members = session.messenger().members(group).size();
  context.output.line("invited " + short_key(invited) + " to " + group.alias + ", which has " +
                          std::to_string(members) + " members now",
                      {{"group", group.alias},
                       {"group_id", to_hex(group.mls_id)},
                       {"invited", to_hex(invited)},
                       {"members", members}});
}

}  // namespace qnpc::client::commands
