#include "client/state/contacts.h"

namespace qnpc::client {
namespace {

struct ContactValue {
  Contact contact;
  Bytes name;
  static auto wire(auto& m) { return std::tie(m.contact, m.name); }
};

}  // namespace

std::vector<Contact> Contacts::list() const {
  std::vector<Contact> out;
  Query q = store_.database.query("SELECT id, value FROM contacts ORDER BY id");
  while (q.next()) {
    const int64_t id = q.integer(0);
    auto value = open_struct<ContactValue>(store_.vault, {"contacts", "value", std::to_string(id)},
                                           q.blob(1));
    value.contact.id = id;
    value.contact.name = to_text(value.name);
    out.push_back(std::move(value.contact));
  }
  return out;
}

std::optional<Contact> Contacts::with_name(std::string_view name) const {
  for (Contact& contact : list()) {
    if (contact.name == name) return std::move(contact);
  }
  return std::nullopt;
}

std::optional<Contact> Contacts::with_key(View key) const {
  for (Contact& contact : list()) {
    if (equal(contact.key, key)) return std::move(contact);
  }
  return std::nullopt;
}

void Contacts::add(Contact& contact) {
  contact.id = next_id(store_.database, "contacts");
  write(contact);
}

void Contacts::update(const Contact& contact) { write(contact); }

void Contacts::write(const Contact& contact) {
  const ContactValue value{contact, to_bytes(contact.name)};
  const Bytes sealed =
      seal_struct(store_.vault, {"contacts", "value", std::to_string(contact.id)}, value);
  store_.database.run("INSERT OR REPLACE INTO contacts VALUES (?, ?)", contact.id, View(sealed));
}

void Contacts::remove(int64_t id) { store_.database.run("DELETE FROM contacts WHERE id = ?", id); }

}  // namespace qnpc::client
