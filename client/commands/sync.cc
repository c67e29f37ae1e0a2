// sync: brings everything up to date without showing any of it: for a timer, or before going
// offline.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void sync(Context& context) {
  Session session(context, Session::StateUse::required);
  session.synchronise();
  for (const Group& group : session.state().groups.list()) {
    const uint64_t epoch = session.messenger().epoch(group.ref);
    context.output.line(group.alias + " is in epoch " + std::to_string(epoch),
                        {{"group", group.alias},
                         {"group_id", to_hex(group.mls_id)},
                         {"epoch", epoch},
                         {"member", session.messenger().in_group(group.ref)},
                         {"waiting", session.state().appends.of(group.ref).size()}});
  }
  session.refill_key_packages(Session::StateLock::kept);
}

}  // namespace qnpc::client::commands
