#include "client/messenger.h"

#include <algorithm>

#include "client/group_name.h"
#include "client/limits.h"
#include "qnpc/base/error.h"
#include "qnpc/crypto/hash.h"

namespace qnpc::client {
namespace {

using group::GroupMember;
using Kind = HistoryEntry::Kind;

// Before anything leaves: once a commit is in force, its Welcome has to get through.
void require_deliverable(const group::OwnCommit& made) {
  const size_t largest = std::max(made.message.size(), made.welcome.size());
  if (largest <= limits::payload_bytes) return;
  throw Error(Reason::too_large,
              "it takes a message of " + std::to_string(largest) + " bytes, and servers take " +
                  std::to_string(limits::payload_bytes) +
                  ". Invite fewer people at once; where it is the same with one, the group can "
                  "have no more members, or make one with `create-group --suite x25519`, whose "
                  "keys are smaller");
}

group::Identity identity_in(const State& state) {
  return group::Identity::from_seed(state.identity_seed().reveal())
      .with_inbox_token(state.inbox_token().reveal())
      .with_certificates(state.certificates());
}

}  // namespace

bool contains(const std::vector<Bytes>& keys, View key) {
  return std::ranges::any_of(keys, [&](const Bytes& k) { return equal(k, key); });
}

std::vector<Bytes> identities_of(const std::vector<Bytes>& key_packages) {
  std::vector<Bytes> out;
  for (const Bytes& package : key_packages) {
    out.push_back(group::inspect_key_package(package).identity);
  }
  return out;
}

Messenger::Messenger(State& state, Random& random, const Clock& clock)
    : state_(state),
      random_(random),
      clock_(clock),
      identity_(identity_in(state)),
      key_packages_(state, random, clock, identity_) {}

void Messenger::forget_loaded() {
  loaded_.clear();
  identity_ = identity_in(state_);  // another certificate, or token of the inbox
}

GroupMember& Messenger::member(GroupRef group) {
  auto found = loaded_.find(group);
  if (found != loaded_.end()) return found->second;
  Records records = state_.group_records(group);
  GroupMember member = GroupMember::load(identity_, state_.key_packages, random_, records);
  const std::vector<Bytes> ca = this->group(group).ca;
  if (!ca.empty()) member.require_certificates(ca);
  return loaded_.emplace(group, std::move(member)).first->second;
}

void Messenger::save(GroupRef group) {
  Records records = state_.group_records(group);
  member(group).save(records);
}

Group Messenger::group(GroupRef ref) {
  std::optional<Group> found = state_.groups.find(ref);
  if (!found) throw Error(Reason::internal, "there is no such group");
  return std::move(*found);
}

bool Messenger::is_member(const Group& group, View identity_key) {
  return contains(members(group), identity_key);
}

bool Messenger::is_leaving(GroupRef group) {
  return contains(member(group).leaving(), identity_key());
}

void Messenger::note(GroupRef group, Kind kind, View sender, Secret content, bool shown) {
  HistoryEntry entry;
  entry.group = group;
  entry.kind = kind;
  entry.sender = to_bytes(sender);
  entry.time_ms = clock_();
  entry.content = std::move(content);
  entry.shown = shown;
  state_.history.append(entry);
}

std::vector<Recipient> Messenger::recipients(GroupRef group, const std::vector<Bytes>& members) {
  std::map<Bytes, Bytes> tokens = member(group).inbox_tokens();
  std::vector<Recipient> out;
  for (const Bytes& key : members) out.push_back({key, tokens[key]});
  return out;
}

void Messenger::gave_up(const std::string& what) {
  note(no_group, Kind::undelivered, {}, Secret::copy_of(as_view(what)), false);
}

// --- What we want to happen ---

Append Messenger::new_append(GroupRef group, Append::Kind kind, Bytes payload) {
  Append out;
  out.group = group;
  out.kind = kind;
  out.epoch = member(group).epoch();
  out.token = member(group).append_token();
  out.payload = std::move(payload);
  random_.fill(out.message_id);
  return out;
}

Group Messenger::create_group(const std::string& name, group::Suite suite,
                              const std::vector<Bytes>& ca) {
  require_free_name(name);
  return transact([&] {
    GroupMember creator(identity_, state_.key_packages, random_);
    creator.create_group(name, now(), suite);
    require_certificates(creator, ca, now());
    Group group = state_.groups.add(creator.group_id(), name, true);
    group.ca = ca;
    group.refreshed_ms = clock_();
    state_.groups.update(group);
    loaded_.emplace(group.ref, std::move(creator));
    save(group.ref);
    Append create = new_append(group.ref, Append::Kind::create, {});
    state_.appends.add(create);
    note(group.ref, Kind::joined, identity_key(), {}, true);
    return group;
  });
}

void Messenger::was_refused(const Append& append, const std::string& why) {
  transact([&] {
    state_.appends.remove(append.id);
    if (append.kind == Append::Kind::message) {
      note(append.group, Kind::unsent, identity_key(), append.content.clone(), false);
      return;
    }
    member(append.group).discard_pending_commit();
    save(append.group);
    state_.intents.remove(static_cast<int64_t>(append.intent));
  });
  const std::string what = append.kind == Append::Kind::message ? "a message to " : "a change of ";
  notes_.push_back(what + group(append.group).alias + " was given up: the server says: " + why);
}

void Messenger::log_created(const Append& create) {
  transact([&] { state_.appends.remove(create.id); });
}

int64_t Messenger::want(const Group& group, Intent intent) {
  require_member(group);
  return transact([&] {
    intent.group = group.ref;
    state_.intents.add(intent);
    return intent.id;
  });
}

void Messenger::prepare_commit(GroupRef ref, bool speaking) {
  if (!in_group(ref)) return;
  auto is_underway = [](const Append& append) {
    return append.kind == Append::Kind::commit || append.kind == Append::Kind::leave;
  };
  if (std::ranges::any_of(state_.appends.of(ref), is_underway)) return;
  const Group group = this->group(ref);
  const std::vector<Bytes> members = member(ref).members();
  const std::vector<Bytes> leaving = member(ref).leaving();
  if (contains(leaving, identity_key())) {
    // It is for the others to commit; where all want to leave, the first lets them go.
    const bool all_leave = leaving.size() == members.size();
    if (all_leave && members.size() > 1 && equal(members.front(), identity_key())) {
      append_own_commit(ref);
    }
    return;
  }
  for (Intent& intent : state_.intents.of(ref)) {
    if (!still_wanted(ref, intent)) {
      transact([&] { state_.intents.remove(intent.id); });
      fulfilled_.insert(intent.id);
    } else if (intent.attempts == limits::commit_attempts) {
      too_late_.insert(intent.id);
      drop_intent(ref, intent,
                  "others changed the group first, " + std::to_string(intent.attempts) +
                      " times. Try it again");
    } else {
      try {
        return append_intent(ref, intent);
      } catch (const Error& e) {
        if (is_local_fault(e.reason())) throw;
        drop_intent(ref, intent, e.what());  // it would fail again
      }
    }
  }
  if (!group.accepted) return;  // there we do nothing unasked
  const bool refresh_is_due = members.size() > 1 && (is_past(group.refreshed_ms, refresh_.after) ||
                                                     group.sent_since >= refresh_.messages);
  const bool leaf_is_old = members.size() > 1 &&
                           (!member(ref).shows_own_credential(now()) ||
                            (!member(ref).has_told_inbox_token() && may_tell_inbox_token(ref, {})));
  if ((!leaving.empty() && (speaking || is_our_turn(group))) || refresh_is_due || leaf_is_old) {
    append_own_commit(ref);
  }
}

// One that nobody asked for: what keeps us from it keeps nobody from reading on.
void Messenger::append_own_commit(GroupRef ref) {
  try {
    transact([&] { append_commit(ref, {}); });
  } catch (const Error& e) {
    if (is_local_fault(e.reason())) throw;
    notes_.push_back("your keys in " + group(ref).alias + " were not made new: " + e.what());
  }
}

void Messenger::append_intent(GroupRef ref, Intent intent) {
  transact([&] {
    ++intent.attempts;
    state_.intents.update(intent);
    if (!intent.leave) return append_commit(ref, intent);
    Append request = new_append(ref, Append::Kind::leave, member(ref).propose_leave(now()));
    save(ref);
    state_.appends.add(request);
  });
}

void Messenger::drop_intent(GroupRef ref, const Intent& intent, const std::string& why) {
  transact([&] { state_.intents.remove(intent.id); });
  notes_.push_back("a change of " + group(ref).alias + " was given up: " + why);
}

void Messenger::append_commit(GroupRef ref, const Intent& intent) {
  group::Changes changes{intent.add, intent.remove, std::nullopt};
  if (intent.name) changes.name = to_text(*intent.name);
  changes.tells_inbox_token = may_tell_inbox_token(ref, identities_of(intent.add));
  group::OwnCommit made = member(ref).commit(changes, now());
  require_deliverable(made);
  save(ref);
  Append append = new_append(ref, Append::Kind::commit, std::move(made.message));
  append.next_token_hash = crypto::digest(crypto::Hash::sha256, made.next_token.reveal());
  append.welcome = std::move(made.welcome);
  append.added = std::move(made.added);
  append.intent = static_cast<uint64_t>(intent.id);
  state_.appends.add(append);
}

// Forgets those parts that the group has seen to; false where nothing is left to do.
bool Messenger::still_wanted(GroupRef ref, Intent& intent) {
  const std::vector<Bytes> members = member(ref).members();
  if (intent.leave) return members.size() > 1;
  if (intent.rejoin) return contains(members, intent.remove.at(0));  // else they were removed
  const bool refresh_only = intent.add.empty() && intent.remove.empty() && !intent.name;
  if (refresh_only) return true;
  std::erase_if(intent.remove, [&](const Bytes& key) { return !contains(members, key); });
  std::erase_if(intent.add, [&](const Bytes& package) {
    Bytes key = group::inspect_key_package(package).identity;
    return contains(members, key) && !contains(intent.remove, key);
  });
  if (intent.name && to_text(*intent.name) == member(ref).group_name()) intent.name.reset();
  return !intent.add.empty() || !intent.remove.empty() || intent.name;
}

// Also where the clock was set back: nobody knows how long it is.
bool Messenger::is_past(uint64_t since_ms, std::chrono::milliseconds time) const {
  const uint64_t now_ms = clock_();
  return now_ms < since_ms || now_ms - since_ms >= in_ms(time);
}

// Who asked to leave is removed by the first of the others in leaf order; each further one waits a
// little longer, so that not all commit at once, and it happens though some are away.
bool Messenger::is_our_turn(const Group& group) {
  const std::vector<Bytes> leaving = this->leaving(group.ref);
  uint64_t before_us = 0;
  for (const Bytes& key : members(group)) {
    if (equal(key, identity_key())) break;
    if (!contains(leaving, key)) ++before_us;
  }
  return is_past(group.leaving_since_ms, before_us * limits::leave_turn);
}

Content Messenger::send(const Group& group, const std::string& text) {
  require_member(group);
  if (is_leaving(group.ref)) {
    throw Error(Reason::usage, "you have asked to leave " + group.alias + ": nothing was sent");
  }
  require_settled_keys(group);
  Content content{{}, clock_(), text};
  random_.fill(content.id);
  Secret encoded = encode_content(content);
  transact([&] {
    append_message(group.ref, encoded);
    save(group.ref);
    Group counted = this->group(group.ref);
    ++counted.sent_since;
    state_.groups.update(counted);
  });
  return content;
}

void Messenger::append_message(GroupRef group, const Secret& content) {
  Append append =
      new_append(group, Append::Kind::message, member(group).send_message(content.reveal()));
  append.content = content.clone();
  state_.appends.add(append);
}

void Messenger::send_again(GroupRef group) {
  transact([&] { send_again_in(group); });
}

// Within a transaction of the caller's.
void Messenger::send_again_in(GroupRef group) {
  for (const Append& outdated : state_.appends.of(group)) {
    if (outdated.kind != Append::Kind::message) continue;
    state_.appends.remove(outdated.id);
    append_message(group, outdated.content);
  }
  save(group);
}

void Messenger::send_again_what_may_have_expired(GroupRef group) {
  Records records = state_.group_records(group);
  const bool has_expired = records.get(expired_record).has_value();
  const bool is_encrypted_anew = records.get(again_record).has_value();
  if (!has_expired && !is_encrypted_anew) return;
  transact([&] {
    records.erase(expired_record);
    records.erase(again_record);
    if (has_expired && !is_encrypted_anew) send_again_in(group);
  });
}

Group Messenger::accept(Group group, const std::string& name, const std::vector<Bytes>& ca) {
  if (!name.empty()) require_group_name(name);
  return transact([&] {
    if (!ca.empty()) group.ca = ca;
    require_certificates(member(group.ref), group.ca, now());
    if (!name.empty() && name != group.alias) group.alias = state_.groups.free_alias(name);
    group.accepted = true;
    state_.groups.update(group);
    note_rivals(group, members(group));
    return group;
  });
}

void Messenger::rejoin(Group group) {
  // The Welcome may be lost, or for a KeyPackage whose keys are gone.
  if (!is_taken_in_anew(group)) require_member(group);
  transact([&] {
    std::vector<Bytes> others = members(group);
    std::erase_if(others, [&](const Bytes& key) { return equal(key, identity_key()); });
    Bytes request = member(group.ref).request_rejoin(now());
    // The others may answer any of the requests that we have made.
    const Bytes reference = group::key_package_ref(group::read_rejoin_request(request).key_package);
    Bytes& asked_with = group.rejoining_with;
    if (asked_with.size() >= limits::rejoin_requests * reference.size()) {
      asked_with.erase(asked_with.begin(),
                       asked_with.begin() + static_cast<ptrdiff_t>(reference.size()));
    }
    append(asked_with, reference);
    state_.outbox.add(request, recipients(group.ref, others), random_);
    state_.groups.update(group);
  });
}

void Messenger::rename(Group group, const std::string& name) {
  require_free_name(name);
  transact([&] {
    group.alias = name;
    state_.groups.update(group);
  });
}

bool Messenger::is_taken_in_anew(const Group& group) const {
  return state_.group_records(group.ref).get(anew_record).has_value();
}

void Messenger::require_member(const Group& group) {
  if (in_group(group.ref)) return;
  if (is_taken_in_anew(group)) {
    throw Error(Reason::conflict, "the others are taking you in again to " + group.alias +
                                      ": nothing was done. Run `sync` and try it again; if that "
                                      "does not help, `rejoin`");
  }
  throw Error(Reason::usage, "you are no longer a member of " + group.alias);
}

void Messenger::require_free_name(const std::string& name) {
  require_group_name(name);
  if (!state_.groups.with_alias(name)) return;
  throw Error(Reason::usage, "there is a group named " + name + " already. Choose another name");
}

}  // namespace qnpc::client
