// contacts: the people to whom this person gave names, by their identity keys.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/state/tables.h"

namespace qnpc::client {

struct Contact {
  int64_t id = 0;
  std::string name;           // unique; contact_book.h says which are good ones
  Bytes key;                  // unique as well
  bool verified = false;      // it was compared, docs/verification.md
  bool changed = false;       // one that was verified was replaced, and that is not settled
  std::vector<Bytes> former;  // the keys before, oldest first
  bool blocked = false;       // what they say is not shown, and they invite us to nothing
  Bytes certified;            // as a CA calls them, in a group that asks for its certificates
  std::vector<Bytes> rivals;  // other keys that are certified so, and not settled
  static auto wire(auto& m) {
    return std::tie(m.key, m.verified, m.changed, m.former, m.blocked, m.certified, m.rivals);
  }
};

class Contacts {
 public:
  explicit Contacts(Store store) : store_(store) {}
  std::vector<Contact> list() const;  // oldest first
  std::optional<Contact> with_name(std::string_view name) const;
  std::optional<Contact> with_key(View key) const;
  void add(Contact& contact);  // gives it its id
  void update(const Contact& contact);
  void remove(int64_t id);

 private:
  void write(const Contact& contact);
  Store store_;
};

}  // namespace qnpc::client
