#include "client/contact_book.h"

#include <algorithm>
#include <set>

#include "client/group_name.h"
#include "client/limits.h"
#include "client/messenger.h"
#include "client/output.h"
#include "qnpc/base/error.h"
#include "qnpc/group/identity.h"

namespace qnpc::client {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";

// Read as the beginning of a key.
bool is_start_of_key(std::string_view text) {
  return text.size() >= limits::key_start_digits &&
         text.find_first_not_of(hex_digits) == std::string_view::npos;
}

bool starts_with(View key, std::string_view digits) {
  const std::string hex = to_hex(key);
  return digits.size() <= hex.size() &&
         std::ranges::equal(digits, hex.substr(0, digits.size()),
                            [](char a, char b) { return std::tolower(a) == b; });
}

}  // namespace

void require_contact_name(std::string_view name) {
  const auto refuse = [](const std::string& why) { throw Error(Reason::usage, why); };
  if (!is_group_name(name) || name.front() == ' ' || name.back() == ' ') {
    refuse("a contact's name is 1 to " + std::to_string(limits::alias_bytes) +
           " bytes of text without control characters, and without spaces at its ends");
  }
  if (is_start_of_key(name)) refuse("a name must not look like a key: choose another one");
  if (name == "me") refuse("'me' is what your own messages are marked with: choose another name");
}

const Contact* ContactBook::find(View key) const {
  auto found = std::ranges::find_if(contacts_, [&](const Contact& c) { return equal(c.key, key); });
  return found == contacts_.end() ? nullptr : &*found;
}

const Contact* ContactBook::find_by_any(View key) const {
  if (const Contact* contact = find(key)) return contact;
  auto found =
      std::ranges::find_if(contacts_, [&](const Contact& c) { return contains(c.former, key); });
  return found == contacts_.end() ? nullptr : &*found;
}

bool ContactBook::is_blocked(View key) const {
  const Contact* contact = find_by_any(key);
  return contact != nullptr && contact->blocked;
}

std::string ContactBook::name_of(View key) const {
  const Contact* contact = find_by_any(key);
  if (!contact) return short_key(key);
  return contact->name + (equal(contact->key, key) ? "" : " (former key)");
}

std::string ContactBook::label_of(View key) const {
  const Contact* contact = find(key);
  const std::string name = name_of(key);
  if (!contact) return name == short_key(key) ? "" : " " + name;
  std::string out = " " + name;
  if (contact->verified) out += " (verified)";
  if (contact->blocked) out += " (blocked)";
  if (contact->changed) out += " (the key has changed: run `verify`)";
  return out;
}

std::string ContactBook::names_of(const std::vector<Bytes>& keys) const {
  std::string out;
  for (const Bytes& key : keys) out += (out.empty() ? "" : ", ") + name_of(key);
  return out;
}

Bytes ContactBook::key_of(const std::string& word,
                          const std::function<std::vector<Bytes>()>& others) const {
  std::optional<Bytes> whole = from_hex(word);
  if (whole && whole->size() == group::identity_key_size) return *whole;
  std::set<Bytes> meant;
  for (const Contact& contact : contacts_) {
    if (contact.name == word) return contact.key;
    const bool is_meant =
        contact.name.starts_with(word) || (is_start_of_key(word) && starts_with(contact.key, word));
    if (is_meant) meant.insert(contact.key);
  }
  if (is_start_of_key(word)) {
    for (const Bytes& key : others()) {
      if (starts_with(key, word)) meant.insert(key);
    }
  }
  if (meant.size() == 1 && !word.empty()) return *meant.begin();
  if (meant.empty() || word.empty()) {
    throw Error(Reason::usage,
                "there is nobody called '" + word +
                    "' here: see `contacts list`. An identity key is 64 hexadecimal digits, as "
                    "`register` and `whoami` print them");
  }
  throw Error(Reason::usage, "'" + word + "' may mean " + names_of({meant.begin(), meant.end()}) +
                                 ": write more of it");
}

}  // namespace qnpc::client
