// invite: adds people to a group, each with one of the KeyPackages that they left at the server.
// All of them come by one commit and one Welcome.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void invite(Context& context) {
  Session session(context, Session::StateUse::required);
  const std::vector<Bytes> invited = identity_keys(session, context.options.peers);
  const ContactBook book = contact_book(session);
  const std::string names = book.names_of(invited);
  const Group group = session.find_group(context.options.group);
  session.synchronise(group);
  Messenger& messenger = session.messenger();
  const group::Suite suite = messenger.suite(group.ref);
  Intent intent;
  nlohmann::json keys = nlohmann::json::array();
  for (const Bytes& key : invited) {
    if (book.is_blocked(key)) {
      throw Error(Reason::usage, book.name_of(key) + " is blocked: run `contacts unblock` first");
    }
    if (messenger.is_member(group, key)) {
      throw Error(Reason::usage, book.name_of(key) + " is a member of " + group.alias + " already");
    }
    intent.add.push_back(session.fetch_key_package(key, suite));
    keys.push_back(to_hex(key));
  }
  session.change(group, std::move(intent));
  size_t members = messenger.members(group).size();
  context.output.line("invited " + names + " to " + group.alias + ", which has " +
                          std::to_string(members) + " members now",
                      {{"group", group.alias},
                       {"group_id", to_hex(group.mls_id)},
                       {"invited", keys},
                       {"epoch", messenger.epoch(group.ref)},
                       {"members", members}});
}

}  // namespace qnpc::client::commands
