// create-group: a group of one. Needs no server: the first invitation does.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void create_group(Context& context) {
  if (context.options.group.empty()) {
    throw Error(Reason::usage, "name the new group with --group-id");
  }
  Session session(context, Session::StateUse::required);
  Group group = session.messenger().create_group(context.options.group);
  context.output.line("created " + group.alias,
                      {{"group", group.alias}, {"group_id", to_hex(group.mls_id)}});
}

}  // namespace qnpc::client::commands
