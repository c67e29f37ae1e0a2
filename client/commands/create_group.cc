// create-group: a group of one. Needs no server: the first invitation does.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void create_group(Context& context) {
  if (context.options.group.empty()) {
    throw Error(Reason::usage, "name the new group with --group-id");
  }
  Session session(context, Session::StateUse::required);
  const group::Suite suite = context.options.group_suite.value_or(group::default_suite);
  std::vector<Bytes> ca;
  if (!context.options.ca_file.empty()) ca = read_certificates(context.options.ca_file);
  Group group = session.messenger().create_group(context.options.group, suite, ca);
  context.output.line(
      "created " + group.alias + ", with suite " + std::string(name(suite)),
      {{"group", group.alias}, {"group_id", to_hex(group.mls_id)}, {"suite", name(suite)}});
}

}  // namespace qnpc::client::commands
