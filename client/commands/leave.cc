// leave: asks the others to take us out of a group. MLS lets nobody do that for themselves; the
// next member's client that is online does.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void leave(Context& context) {
  Session session(context, Session::StateUse::required);
  const Group group = session.find_group(context.options.group);
  session.synchronise(group);
  Messenger& messenger = session.messenger();
  if (messenger.members(group).size() == 1) {
    throw Error(Reason::usage, "nobody else is in " + group.alias + ": there is nothing to leave");
  }
  if (!messenger.is_leaving(group.ref)) {
    Intent intent;
    intent.leave = true;
    messenger.want(group, std::move(intent));
    session.settle(group);
  }
  if (messenger.in_group(group.ref) && !messenger.is_leaving(group.ref)) {
    throw Error(Reason::conflict, "the others in " + group.alias +
                                      " have not been asked yet. The next command goes on with it");
  }
  context.output.line(
      "asked to leave " + group.alias + "; you are out when another member's client has seen it",
      {{"group", group.alias}, {"group_id", to_hex(group.mls_id)}});
}

}  // namespace qnpc::client::commands
