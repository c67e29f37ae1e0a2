// What commands need to speak of people: their names, and whom a name means.
#include "client/commands/commands.h"
#include "client/limits.h"
#include "client/state/file.h"
#include "qnpc/crypto/pem.h"

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
  for (const std::string& word : words) {
    Bytes key = identity_key(session, word);
    if (!contains(out, key)) out.push_back(std::move(key));
  }
  return out;
}

Contact contact_named(Session& session, const std::string& word) {
  const Bytes key = identity_key(session, word);
  if (std::optional<Contact> contact = session.state().contacts.with_key(key)) return *contact;
  throw Error(Reason::usage, short_key(key) + " is no contact. Give them a name first:\n" +
                                 "  quicnprotochat-client contacts add NAME " + to_hex(key));
}

std::vector<Bytes> read_certificates(const std::string& path) {
  const std::optional<Secret> text = read_file(path, limits::certificate_file_bytes);
  if (!text) throw Error(Reason::io, "the certificate file " + path + " does not exist");
  try {
    return crypto::certificates_from_pem(text->reveal());
  } catch (const Error& e) {
    throw Error(Reason::usage, "the certificate file " + path + ": " + e.what());
  }
}

nlohmann::json contact_object(const Contact& contact) {
  nlohmann::json object = {{"name", contact.name},
                           {"identity_key", to_hex(contact.key)},
                           {"verified", contact.verified},
                           {"changed", contact.changed},
                           {"blocked", contact.blocked}};
  for (const Bytes& key : contact.former) object["former_keys"].push_back(to_hex(key));
  return object;
}

}  // namespace qnpc::client::commands
