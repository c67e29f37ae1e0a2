// join: accepts every invitation that waits in the inbox.
#include "client/commands/commands.h"

namespace qnpc::client::commands {
namespace {

void print(Context& context, Session& session, const Group& group) {
  const std::vector<Bytes> members = session.messenger().members(group);
  nlohmann::json keys = nlohmann::json::array();
  for (const Bytes& key : members) keys.push_back(to_hex(key));
  context.output.line(
      "joined " + group.alias + ", members: " + contact_book(session).names_of(members),
      {{"group", group.alias}, {"group_id", to_hex(group.mls_id)}, {"members", keys}});
}

}  // namespace

void join(Context& context) {
  std::vector<Bytes> ca;
  if (!context.options.ca_file.empty()) ca = read_certificates(context.options.ca_file);
  Session session(context, Session::StateUse::required);
  session.synchronise();
  size_t joined = 0;
  std::optional<Error> refusal;
  for (const Group& invited : session.state().groups.list()) {
    if (invited.accepted) continue;
    const std::string& wanted = context.options.group;
    Group group;
    try {
      group = session.messenger().accept(invited, wanted, ca);
    } catch (const Error& e) {
      if (is_local_fault(e.reason())) throw;
      if (refusal) context.output.note(refusal->what());
      refusal = Error(e.reason(), "not joined: " + invited.alias + ": " + e.what());
      continue;
    }
    if (!wanted.empty() && group.alias != wanted) {
      context.output.note("there is a group named " + wanted + " already: this one is " +
                          group.alias);
    }
    print(context, session, group);
    ++joined;
  }
  session.refill_key_packages(Session::StateLock::kept);
  if (refusal) throw *refusal;
  if (joined == 0) throw Error(Reason::not_found, "no invitation is waiting");
}

}  // namespace qnpc::client::commands
