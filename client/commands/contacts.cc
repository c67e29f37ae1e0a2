// contacts: names for identity keys. They stay here, and need no server.
#include "client/commands/commands.h"

namespace qnpc::client::commands {
namespace {

void print(Context& context, const char* what, const Contact& contact) {
  context.output.line(what + contact.name, contact_object(contact));
}

void require_free_name(const State& state, const std::string& name) {
  require_contact_name(name);
  const std::optional<Contact> known = state.contacts.with_name(name);
  if (!known) return;
  throw Error(Reason::usage, "there is a contact " + name + " already, with the key " +
                                 to_hex(known->key) +
                                 ". Choose another name or, where that person has a new key, run "
                                 "`contacts replace`");
}

void require_free_key(Session& session, View key) {
  if (equal(key, session.messenger().identity_key())) {
    throw Error(Reason::usage, "that is your own key");
  }
  if (auto known = session.state().contacts.with_key(key)) {
    throw Error(Reason::usage,
                "that key is " + known->name +
                    "'s already. To call them something else, run `contacts rename`");
  }
}

template <class Change>
void in_transaction(Session& session, Change&& change) {
  Transaction transaction(session.state().database());
  change(session.state().contacts);
  transaction.commit();
}

}  // namespace

void contacts_add(Context& context) {
  const Options& options = context.options;
  Session session(context, Session::StateUse::required);
  Contact contact{.name = options.name, .key = identity_key(session, options.peers.at(0))};
  require_free_name(session.state(), contact.name);
  require_free_key(session, contact.key);
  in_transaction(session, [&](Contacts& contacts) { contacts.add(contact); });
  print(context, "added ", contact);
}

void contacts_list(Context& context) {
  Session session(context, Session::StateUse::required);
  const ContactBook book = contact_book(session);
  for (const Contact& contact : session.state().contacts.list()) {
    context.output.line(to_hex(contact.key) + book.label_of(contact.key), contact_object(contact));
  }
}

void contacts_replace(Context& context) {
  const Options& options = context.options;
  Session session(context, Session::StateUse::required);
  const Contact contact = contact_named(session, options.name);
  const Bytes key = identity_key(session, options.peers.at(0));
  require_free_key(session, key);
  session.messenger().replace_key(contact, key);
  if (contact.verified) {
    context.output.note(
        "the key before was verified, this one is not: run `verify`. Until then "
        "nothing is sent to groups in which either is");
  }
  print(context, "another key for ", *session.state().contacts.with_key(key));
}

void contacts_rename(Context& context) {
  Session session(context, Session::StateUse::required);
  Contact contact = contact_named(session, context.options.peers.at(0));
  require_free_name(session.state(), context.options.name);
  contact.name = context.options.name;
  in_transaction(session, [&](Contacts& contacts) { contacts.update(contact); });
  print(context, "the contact is now called ", contact);
}

void contacts_remove(Context& context) {
  Session session(context, Session::StateUse::required);
  const Contact contact = contact_named(session, context.options.peers.at(0));
  if (contact.changed) {
    throw Error(Reason::usage, "the verified key of " + contact.name +
                                   " has changed: settle that first with `verify`");
  }
  if (contact.blocked) {
    throw Error(Reason::usage, contact.name + " is blocked: run `contacts unblock` first");
  }
  in_transaction(session, [&](Contacts& contacts) { contacts.remove(contact.id); });
  print(context, "removed ", contact);
}

void contacts_block(Context& context) {
  Session session(context, Session::StateUse::required);
  const Contact contact = contact_named(session, context.options.peers.at(0));
  session.messenger().block(contact);
  print(context, "blocked ", *session.state().contacts.with_key(contact.key));
  context.output.flush();
  try {
    session.inbox();
  } catch (const ServerError& e) {
    throw ServerError(e.reason(),
                      "the server still has the old token of your inbox: who knows it can fill it "
                      "until the next command reaches the server, which sets the new one. " +
                          std::string(e.what()));
  }
  session.refill_key_packages(Session::StateLock::kept);  // with the new token
  session.synchronise();
}

void contacts_unblock(Context& context) {
  Session session(context, Session::StateUse::required);
  const Contact contact = contact_named(session, context.options.peers.at(0));
  session.messenger().unblock(contact);
  print(context, "no longer blocked: ", *session.state().contacts.with_key(contact.key));
}

}  // namespace qnpc::client::commands
