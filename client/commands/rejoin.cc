// rejoin: asks the others to take us in again, where we were away for longer than the server keeps
// what changed the group.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void rejoin(Context& context) {
  Session session(context, Session::StateUse::required);
  const std::string& name = context.options.group;
  session.find_group(name);
  session.synchronise();
  const Group group = session.find_group(name);
  session.messenger().rejoin(group);
  session.deliver();
  context.output.line("asked the others in " + group.alias +
                          " to take you in again; it is done when one of them is online",
                      {{"group", group.alias}, {"group_id", to_hex(group.mls_id)}});
}

}  // namespace qnpc::client::commands
