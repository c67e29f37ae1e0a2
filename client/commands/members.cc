// members: who is in a group.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void members(Context& context) {
  Session session(context, Session::StateUse::required);
  const Group group = session.find_group(context.options.group);
  Messenger& messenger = session.messenger();
  const std::vector<Bytes> leaving = messenger.leaving(group.ref);
  const std::string suite(name(messenger.suite(group.ref)));
  if (!context.output.json()) context.output.line(group.alias + ", suite " + suite, {});
  const ContactBook book = contact_book(session);
  std::map<Bytes, std::string> certified = messenger.certified_names(group);
  for (const Bytes& key : messenger.members(group)) {
    const bool is_you = equal(key, messenger.identity_key());
    const bool is_leaving = contains(leaving, key);
    nlohmann::json member = {
        {"identity_key", to_hex(key)}, {"you", is_you}, {"leaving", is_leaving}, {"suite", suite}};
    std::string line = to_hex(key) + book.label_of(key);
    if (const std::string& subject = certified[key]; !subject.empty()) {
      member["certificate"] = subject;
      line += " " + context.output.foreign(subject);
    }
    if (const Contact* contact = book.find(key)) {
      member["name"] = contact->name;
      member["verified"] = contact->verified;
      member["blocked"] = contact->blocked;
    }
    context.output.line(line + (is_you ? " (you)" : "") + (is_leaving ? " (asked to leave)" : ""),
                        member);
  }
}

}  // namespace qnpc::client::commands
