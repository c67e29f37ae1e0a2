// rename: what a group is called, here or for everybody.
#include "client/commands/commands.h"
#include "qnpc/base/limits.h"

namespace qnpc::client::commands {

void rename(Context& context) {
  const std::string& name = context.options.name;
  Session session(context, Session::StateUse::required);
  const Group group = session.find_group(context.options.group);
  if (name != group.alias) session.messenger().rename(group, name);
  if (context.options.for_everybody) {
    session.synchronise(group);
    Intent intent;
    intent.name = to_bytes(std::string_view(name));
    session.change(group, std::move(intent));
  }
  context.output.line(
      group.alias + " is called " + name + (context.options.for_everybody ? " now" : " here now"),
      {{"group", name}, {"group_id", to_hex(group.mls_id)}});
}

}  // namespace qnpc::client::commands
