// contact_book: who is who: identity keys by the names that this person gave them, and back. A name
// says nothing to others, and nothing of whose key it is: see `verify`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/state/contacts.h"

namespace qnpc::client {

/// Throws Reason::usage, saying what is wrong with the name.
void require_contact_name(std::string_view name);

class ContactBook {
 public:
  explicit ContactBook(std::vector<Contact> contacts) : contacts_(std::move(contacts)) {}

  /// By the present key. Null for who is no contact.
  const Contact* find(View key) const;
  /// By that, or a former one.
  const Contact* find_by_any(View key) const;
  /// By any of their keys.
  bool is_blocked(View key) const;
  /// The contact's name, marked where the key is a former one; else the start of the key.
  std::string name_of(View key) const;
  /// A name as it stands beside its key in a list, with what is known of it; empty without one.
  std::string label_of(View key) const;
  std::string names_of(const std::vector<Bytes>& keys) const;

  /// Whom a word means: a whole key, a contact's name, or the beginning of one name or key alone.
  /// Keys are those of the contacts and, asked for only then, `others`. Throws Reason::usage.
  Bytes key_of(const std::string& word, const std::function<std::vector<Bytes>()>& others) const;

 private:
  std::vector<Contact> contacts_;
};

}  // namespace qnpc::client
