// What groups have to do with contacts: a verified key that changes is told of where it matters,
// and who is blocked learns no way into our inbox.
#include <algorithm>

#include "client/contact_book.h"
#include "client/limits.h"
#include "client/messenger.h"
#include "client/output.h"

namespace qnpc::client {

void Messenger::replace_key(Contact contact, View key) {
  std::erase_if(contact.former, [&](const Bytes& former) { return equal(former, key); });
  contact.former.push_back(std::exchange(contact.key, to_bytes(key)));
  if (contact.former.size() > limits::former_keys) contact.former.erase(contact.former.begin());
  contact.changed = contact.changed || contact.verified;
  contact.verified = false;
  contact.rivals.clear();
  contact.certified.clear();
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
  contact.rivals.clear();
  for (const Group& group : state_.groups.list()) {
    const std::map<Bytes, std::string> names = certified_names(group);
    if (names.contains(contact.key)) contact.certified = to_bytes(names.at(contact.key));
  }
  transact([&] { state_.contacts.update(contact); });
  if (verified) warn_of_namesakes(contact);
}

// It holds back nothing: what the person says of the key is said knowing of them.
void Messenger::warn_of_namesakes(const Contact& contact) {
  if (contact.certified.empty()) return;
  for (const Group& group : state_.groups.list()) {
    for (const auto& [key, name] : certified_names(group)) {
      if (key == contact.key || name != to_text(contact.certified)) continue;
      notes_.push_back("in " + group.alias + " the key " + short_key(key) +
                       " shows a certificate with the same name as that of " + contact.name +
                       ", and is another one");
    }
  }
}

namespace {

// By any key, also by one that is perhaps not theirs.
bool is_among(const Contact& contact, const std::vector<Bytes>& keys) {
  auto is_one = [&](const Bytes& key) { return contains(keys, key); };
  return is_one(contact.key) || std::ranges::any_of(contact.former, is_one) ||
         std::ranges::any_of(contact.rivals, is_one);
}

}  // namespace

// Within a transaction of the caller's.
void Messenger::note_changed_keys(GroupRef group, const std::vector<Bytes>& keys) {
  for (const Contact& contact : state_.contacts.list()) {
    const bool was_replaced = contact.changed && !contact.verified;  // and not rivalled
    if (!was_replaced || !is_among(contact, keys)) continue;
    note(group, HistoryEntry::Kind::key_changed, contact.key,
         Secret::copy_of(contact.former.back()), false);
  }
}

// Within a transaction of the caller's. What a CA calls somebody is a claim of who they are:
// another key with the name of a verified contact is theirs, or somebody's who wants to pass for
// them.
void Messenger::note_rivals(const Group& group, const std::vector<Bytes>& named) {
  const std::map<Bytes, std::string> names = certified_names(group);
  if (names.empty()) return;
  for (Contact& contact : state_.contacts.list()) {
    const Contact before = contact;
    if (names.contains(contact.key)) contact.certified = to_bytes(names.at(contact.key));
    for (const Bytes& key : named) {
      const bool is_rival = contact.verified && !contact.certified.empty() && names.contains(key) &&
                            names.at(key) == to_text(contact.certified) && key != contact.key &&
                            !contains(contact.rivals, key);
      if (!is_rival || contact.rivals.size() == limits::rival_keys) continue;
      contact.rivals.push_back(key);
      contact.changed = true;
      note(group.ref, HistoryEntry::Kind::key_changed, key, Secret::copy_of(contact.key), false);
    }
    if (contact.certified != before.certified || contact.rivals != before.rivals) {
      state_.contacts.update(contact);
    }
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

// What was written before a key changed is held back too.
bool Messenger::may_send(const Group& group) {
  try {
    require_settled_keys(group);
    held_back_.erase(group.ref);
    return true;
  } catch (const Error& e) {
    if (e.reason() != Reason::conflict) throw;
    if (held_back_.insert(group.ref).second) notes_.push_back(e.what());
    return false;
  }
}

void Messenger::block(Contact contact) {
  contact.blocked = true;
  transact([&] {
    state_.contacts.update(contact);
    state_.renew_inbox_token(random_);
  });
  identity_ = identity_.with_inbox_token(state_.inbox_token().reveal());
}

void Messenger::inbox_token_is_set() {
  transact([&] {
    state_.inbox_token_is_set();
    key_packages_.renew();  // they hold the token of before
  });
}

void Messenger::unblock(Contact contact) {
  contact.blocked = false;
  transact([&] { state_.contacts.update(contact); });
}

bool Messenger::is_blocked(View identity_key) const {
  return ContactBook(state_.contacts.list()).is_blocked(identity_key);
}

// A leaf is read by all members; so is what a commit adds, by who is added. Those of a group that
// we have not accepted can be anybody's.
bool Messenger::may_tell_inbox_token(GroupRef group, const std::vector<Bytes>& added) {
  const ContactBook book(state_.contacts.list());
  auto is_blocked = [&](const Bytes& key) { return book.is_blocked(key); };
  return this->group(group).accepted && !state_.inbox_token_waits() &&
         std::ranges::none_of(member(group).members(), is_blocked) &&
         std::ranges::none_of(added, is_blocked);
}

}  // namespace qnpc::client
