// groups: the groups that we are in, or invited to, with their members.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void groups(Context& context) {
  Session session(context, Session::StateUse::required);
  Messenger& messenger = session.messenger();
  const ContactBook book = contact_book(session);
  for (const Group& group : session.state().groups.list()) {
    nlohmann::json keys = nlohmann::json::array();
    std::string list;
    for (const Bytes& key : messenger.members(group)) {
      keys.push_back(to_hex(key));
      list += "\n  " + to_hex(key) + book.label_of(key) +
              (equal(key, messenger.identity_key()) ? " (you)" : "");
    }
    const bool is_member = messenger.in_group(group.ref);
    const bool has_asked = !group.rejoining_with.empty() && (!is_member || group.is_behind);
    const char* status = !group.accepted ? " (invited: run `join`)"
                         : group.is_behind && has_asked
                             ? " (a change is missing, and you have asked to come back)"
                         : group.is_behind ? " (a change is missing: run `rejoin`)"
                         : has_asked       ? " (you have asked to come back)"
                         : !is_member      ? " (you are out)"
                                           : "";
    const std::string suite(name(messenger.suite(group.ref)));
    context.output.line(
        group.alias + ", suite " + suite + status + list,
        {{"group", group.alias},
         {"group_id", to_hex(group.mls_id)},
         {"accepted", group.accepted},
         {"member", is_member},
         {"behind", group.is_behind},
         {"rejoining", has_asked},
         {"suite", suite},
         {"certified", !group.ca.empty()},
         {"epoch", messenger.epoch(group.ref)},
         {"epoch_authenticator", is_member ? to_hex(messenger.epoch_authenticator(group)) : ""},
         {"members", keys}});
  }
}

}  // namespace qnpc::client::commands
