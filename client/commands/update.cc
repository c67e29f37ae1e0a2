// update: makes our keys in a group new, so that who copied the old ones can read no further.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void update(Context& context) {
  Session session(context, Session::StateUse::required);
  const Group group = session.find_group(context.options.group);
  session.synchronise(group);
  session.change(group, {});
  context.output.line("your keys in " + group.alias + " are new",
                      {{"group", group.alias},
                       {"group_id", to_hex(group.mls_id)},
                       {"epoch", session.messenger().epoch(group.ref)}});
}

}  // namespace qnpc::client::commands
