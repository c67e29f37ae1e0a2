// What groups have to do with contacts: a verified key that changes is told of where it matters.
#include <algorithm>

#include "client/limits.h"
#include "client/messenger.h"

namespace qnpc::client {

void Messenger::replace_key(Contact contact, View key) {
  std::erase_if(contact.former, [&](const Bytes& former) { return equal(former, key); });
  contact.former.push_back(std::exchange(contact.key, to_bytes(key)));
  if (contact.former.size() > limits::former_keys) contact.former.erase(contact.former.begin());
  contact.changed = contact.changed || contact.verified;
  contact.verified = false;
  transact([&] {
    state_.contacts.update(contact);
    for (const Group& group : state_.groups.list()) {
      if (in_group(group.ref)) note_changed_keys(group.ref, members(group));
    }
  });
}

void Messenger::settle_key(Contact contact, bool verified) {
  contact.verified = verified;
  contact.changed = false;
  transact([&] { state_.contacts.update(contact); });
}

namespace {

bool is_among(const Contact& contact, const std::vector<Bytes>& keys) {
  return contains(keys, contact.key) ||
         std::ranges::any_of(contact.former, [&](const Bytes& key) { return contains(keys, key); });
}

}  // namespace

// Within a transaction of the caller's.
void Messenger::note_changed_keys(GroupRef group, const std::vector<Bytes>& keys) {
  for (const Contact& contact : state_.contacts.list()) {
    if (!contact.changed || !is_among(contact, keys)) continue;
    note(group, HistoryEntry::Kind::key_changed, contact.key,
         Secret::copy_of(contact.former.back()), false);
  }
}

void Messenger::require_settled_keys(const Group& group) {
  const std::vector<Bytes> members = this->members(group);
  for (const Contact& contact : state_.contacts.list()) {
    if (!contact.changed || !is_among(contact, members)) continue;
    throw Error(Reason::conflict,
                contact.name +
                    ", whom you have verified, has another key now: nothing was sent to " +
                    group.alias + ". Compare the new safety number, which `verify '" +
                    contact.name + "'` shows, and confirm it; or go on without with `verify '" +
                    contact.name + "' --reset`");
  }
}

}  // namespace qnpc::client
