// What commands need to speak of people: their names, and whom a name means.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

ContactBook contact_book(Session& session) {
  return ContactBook(session.has_state() ? session.state().contacts.list()
                                         : std::vector<Contact>());
}

Bytes identity_key(Session& session, const std::string& word) {
  return contact_book(session).key_of(word, [&] {
    std::vector<Bytes> keys;
    if (!session.has_state()) return keys;
    for (const Group& group : session.state().groups.list()) {
      for (Bytes& key : session.messenger().members(group)) keys.push_back(std::move(key));
    }
    return keys;
  });
}

std::vector<Bytes> identity_keys(Session& session, const std::vector<std::string>& words) {
  std::vector<Bytes> out;
  for (const std::string& word : words) out.push_back(identity_key(session, word));
  return out;
}

}  // namespace qnpc::client::commands
