// sync: brings everything up to date without showing any of it: for a timer, or before going
// offline.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void sync(Context& context) {
  Session session(context, Session::StateUse::required);
  session.synchronise();
  for (const Group& group : session.state().groups.list()) {
    const uint64_t epoch = session.messenger().epoch(group.ref);
    const char* behind = group.is_behind ? ", and a change is missing: run `rejoin`" : "";
    context.output.line(group.alias + " is in epoch " + std::to_string(epoch) + behind,
                        {{"group", group.alias},
                         {"group_id", to_hex(group.mls_id)},
                         {"epoch", epoch},
                         {"behind", group.is_behind},
                         {"member", session.messenger().in_group(group.ref)},
                         {"waiting", session.state().appends.of(group.ref).size() +
                                         session.state().intents.of(group.ref).size()}});
  }
  session.refill_key_packages(Session::StateLock::kept);
}

}  // namespace qnpc::client::commands
