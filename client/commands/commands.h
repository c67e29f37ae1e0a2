// commands: one function for each command, one file for each function. They throw Error, and print
// what was asked for through the output of the context.
#pragma once

#include "client/contact_book.h"
#include "client/session.h"

namespace qnpc::client::commands {

void ping(Context& context);
void register_identity(Context& context);
void fetch_key(Context& context);
void demo_group(Context& context);
void create_group(Context& context);
void invite(Context& context);
void remove(Context& context);
void leave(Context& context);
void update(Context& context);
void rename(Context& context);
void rejoin(Context& context);
void join(Context& context);
void send(Context& context);
void receive(Context& context);
void whoami(Context& context);
void groups(Context& context);
void members(Context& context);
void sync(Context& context);
void trust_server(Context& context);
void contacts_add(Context& context);
void contacts_list(Context& context);
void contacts_rename(Context& context);
void contacts_replace(Context& context);
void contacts_remove(Context& context);
void contacts_block(Context& context);
void contacts_unblock(Context& context);
void verify(Context& context);

// --- What several of them need, people.cc ---
/// Empty where there is no state.
ContactBook contact_book(Session& session);
/// Whom the words of the command line mean: contacts, members of our groups, or whole keys. Throws
/// Reason::usage.
Bytes identity_key(Session& session, const std::string& word);
/// Each of them once.
std::vector<Bytes> identity_keys(Session& session, const std::vector<std::string>& words);
/// The contact whom a word means. Throws Reason::usage.
Contact contact_named(Session& session, const std::string& word);
/// The certificates in a file, DER. Throws Reason::io, usage.
std::vector<Bytes> read_certificates(const std::string& path);
/// What programs read of a contact.
nlohmann::json contact_object(const Contact& contact);

}  // namespace qnpc::client::commands
