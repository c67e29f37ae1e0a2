// What groups have to do with contacts: a verified key that changes is told of where it matters,
// and who is blocked learns no way into our inbox.
#include <algorithm>

#include "client/contact_book.h"
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

void Messenger::block(Contact contact) {
  contact.blocked = true;
  transact([&] {
    state_.contacts.update(contact);
    state_.renew_inbox_token(random_);
    key_packages_.renew();  // they hold the token of before
  });
  identity_ = identity_.with_inbox_token(state_.inbox_token().reveal());
}

void Messenger::unblock(Contact contact) {
  contact.blocked = false;
  transact([&] { state_.contacts.update(contact); });
}

bool Messenger::is_blocked(View identity_key) const {
  return ContactBook(state_.contacts.list()).is_blocked(identity_key);
}

// A leaf is read by all members; so is what a commit adds, by who is added.
bool Messenger::may_tell_inbox_token(GroupRef group, const std::vector<Bytes>& added) {
  const ContactBook book(state_.contacts.list());
  auto is_blocked = [&](const Bytes& key) { return book.is_blocked(key); };
  return std::ranges::none_of(member(group).members(), is_blocked) &&
         std::ranges::none_of(added, is_blocked);
}

}  // namespace qnpc::client
