// remove: takes people out of a group, all by one commit. What is said afterwards they cannot read.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void remove(Context& context) {
  Session session(context, Session::StateUse::required);
  const std::vector<Bytes> removed = identity_keys(session, context.options.peers);
  const std::string names = contact_book(session).names_of(removed);
  const Group group = session.find_group(context.options.group);
  session.synchronise(group);
  Messenger& messenger = session.messenger();
  nlohmann::json keys = nlohmann::json::array();
  for (const Bytes& key : removed) {
    if (equal(key, messenger.identity_key())) {
      throw Error(Reason::usage, "that is you: run `leave`");
    }
    if (!messenger.is_member(group, key)) {
      throw Error(Reason::usage,
                  contact_book(session).name_of(key) + " is no member of " + group.alias);
    }
    keys.push_back(to_hex(key));
  }
  Intent intent;
  intent.remove = removed;
  session.change(group, std::move(intent));
  size_t members = messenger.members(group).size();
  context.output.line("removed " + names + " from " + group.alias + ", which has " +
                          std::to_string(members) + " members now",
                      {{"group", group.alias},
                       {"group_id", to_hex(group.mls_id)},
                       {"removed", keys},
                       {"epoch", messenger.epoch(group.ref)},
                       {"members", members}});
}

}  // namespace qnpc::client::commands
