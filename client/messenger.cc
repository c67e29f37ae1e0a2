#include "client/messenger.h"

#include <algorithm>

#include "client/limits.h"
#include "client/terminal.h"
#include "qnpc/base/error.h"
#include "qnpc/crypto/hash.h"

namespace qnpc::client {
namespace {

using group::GroupMember;
using Kind = HistoryEntry::Kind;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::alias_bytes && is_utf8(text) &&
         text.find_first_of("\n\t") == std::string_view::npos && escape_controls(text) == text;
}

void require_name(const std::string& text) {
  if (is_name(text)) return;
  throw Error(Reason::usage, "a group's name is 1 to " + std::to_string(limits::alias_bytes) +
                                 " bytes of text without control characters");
}

Secret joined_keys(const std::vector<Bytes>& keys) {
  WipingBytes out;
  for (const Bytes& key : keys) out.insert(out.end(), key.begin(), key.end());
  return Secret(std::move(out));
}

bool contains(const std::vector<Bytes>& keys, View key) {
  return std::ranges::any_of(keys, [&](const Bytes& k) { return equal(k, key); });
}

uint64_t in_ms(std::chrono::milliseconds time) { return static_cast<uint64_t>(time.count()); }

constexpr std::string_view unpublished = "unpublished_key_package";

}  // namespace

template <class Step>
auto Messenger::transact(Step&& step) {
  try {
    Transaction transaction(state_.database());
    if constexpr (std::is_void_v<decltype(step())>) {
      step();
      transaction.commit();
    } else {
      auto result = step();
      transaction.commit();
      return result;
    }
  } catch (...) {
    loaded_.clear();  // they may be ahead of the disk
    throw;
  }
}

Messenger::Messenger(State& state, Random& random, const Clock& clock)
    : state_(state),
      random_(random),
      clock_(clock),
      identity_(group::Identity::from_seed(state.identity_seed().reveal())) {}

GroupMember& Messenger::member(GroupRef group) {
  auto found = loaded_.find(group);
  if (found != loaded_.end()) return found->second;
  Records records = state_.group_records(group);
  return loaded_.emplace(group, GroupMember::load(identity_, state_.key_packages, random_, records))
      .first->second;
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

Bytes Messenger::unpublished_key_package() {
  return transact([&] {
    if (std::optional<Secret> package = state_.meta.get(unpublished)) {
      return to_bytes(package->reveal());
    }
    Bytes package =
        GroupMember(identity_, state_.key_packages, random_).generate_key_package(now());
    state_.meta.put(unpublished, package);
    return package;
  });
}

void Messenger::key_package_published() {
  transact([&] { state_.meta.erase(unpublished); });
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

Group Messenger::create_group(const std::string& name) {
  require_free_name(name);
  return transact([&] {
    GroupMember creator(identity_, state_.key_packages, random_);
    creator.create_group(name, now());
    Group group = state_.groups.add(creator.group_id(), name, true);
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
  const std::vector<Bytes> leaving = member(ref).leaving();
  if (is_leaving(ref)) return;  // it is for the others to commit

  for (Intent& intent : state_.intents.of(ref)) {
    if (!still_wanted(ref, intent)) {
      transact([&] { state_.intents.remove(intent.id); });
      continue;
    }
    if (intent.attempts == limits::commit_attempts) {
      transact([&] { state_.intents.remove(intent.id); });
      notes_.push_back("others changed " + group(ref).alias + " first, " +
                       std::to_string(intent.attempts) +
                       " times: the change was given up. Try it again");
      continue;
    }
    return append_intent(ref, std::move(intent));
  }
  const Group group = this->group(ref);
  bool refresh_is_due =
      clock_() - std::min(clock_(), group.refreshed_ms) >= in_ms(refresh_.after) ||
      group.sent_since >= refresh_.messages;
  if ((!leaving.empty() && (speaking || is_our_turn(group))) || refresh_is_due) {
    transact([&] { append_commit(ref, {}); });
  }
}

void Messenger::append_intent(GroupRef ref, Intent intent) {
  try {
    transact([&] {
      ++intent.attempts;
      state_.intents.update(intent);
      if (!intent.leave) return append_commit(ref, intent);
      Append request = new_append(ref, Append::Kind::leave, member(ref).propose_leave(now()));
      save(ref);
      state_.appends.add(request);
    });
  } catch (const Error& e) {
    if (is_local_fault(e.reason())) throw;
    transact([&] { state_.intents.remove(intent.id); });  // it would fail again
    throw;
  }
}

void Messenger::append_commit(GroupRef ref, const Intent& intent) {
  group::Changes changes{intent.add, intent.remove, std::nullopt};
  if (intent.name) changes.name = to_text(*intent.name);
  group::OwnCommit made = member(ref).commit(changes, now());
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
  const bool refresh_only = intent.add.empty() && intent.remove.empty() && !intent.name;
  if (refresh_only) return true;
  const std::vector<Bytes> members = member(ref).members();
  std::erase_if(intent.remove, [&](const Bytes& key) { return !contains(members, key); });
  std::erase_if(intent.add, [&](const Bytes& package) {
    Bytes key = group::key_package_identity(package);
    return contains(members, key) && !contains(intent.remove, key);
  });
  if (intent.name && to_text(*intent.name) == member(ref).group_name()) intent.name.reset();
  return !intent.add.empty() || !intent.remove.empty() || intent.name;
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
  return clock_() >= group.leaving_since_ms + before_us * in_ms(limits::leave_turn);
}

Content Messenger::send(const Group& group, const std::string& text) {
  require_member(group);
  if (is_leaving(group.ref)) {
    throw Error(Reason::usage, "you have asked to leave " + group.alias + ": nothing was sent");
  }
  Content content{{}, clock_(), text};
  random_.fill(content.id);
  Secret encoded = encode_content(content);
  transact([&] {
    Append append = new_append(group.ref, Append::Kind::message,
                               member(group.ref).send_message(encoded.reveal()));
    append.content = std::move(encoded);
    save(group.ref);
    state_.appends.add(append);
    Group counted = this->group(group.ref);
    ++counted.sent_since;
    state_.groups.update(counted);
  });
  return content;
}

void Messenger::send_again(const Append& outdated) {
  transact([&] {
    Append append = new_append(outdated.group, Append::Kind::message,
                               member(outdated.group).send_message(outdated.content.reveal()));
    append.content = outdated.content.clone();
    save(outdated.group);
    state_.appends.remove(outdated.id);
    state_.appends.add(append);
  });
}

Group Messenger::accept(Group group, const std::string& name) {
  if (!name.empty()) require_name(name);
  return transact([&] {
    if (!name.empty() && name != group.alias) group.alias = state_.groups.free_alias(name);
    group.accepted = true;
    state_.groups.update(group);
    return group;
  });
}

void Messenger::rejoin(Group group) {
  require_member(group);
  transact([&] {
    std::vector<Bytes> others = members(group);
    std::erase_if(others, [&](const Bytes& key) { return equal(key, identity_key()); });
    state_.outbox.add(member(group.ref).request_rejoin(now()), others, random_);
    group.rejoining = true;
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

void Messenger::require_member(const Group& group) {
  if (in_group(group.ref)) return;
  throw Error(Reason::usage, "you are no longer a member of " + group.alias);
}

void Messenger::require_free_name(const std::string& name) {
  require_name(name);
  if (!state_.groups.with_alias(name)) return;
  throw Error(Reason::usage, "there is a group named " + name + " already. Choose another name");
}

// --- What comes in ---

void Messenger::receive(View server, const InboxPage& page) {
  if (page.entries.empty()) return;
  transact([&] {
    for (const InboxEntry& entry : page.entries) {
      if (state_.inbox.knows(entry.payload)) continue;
      try {
        if (group::inspect_message(entry.payload).is_welcome) {
          take_in_welcome(entry.payload);
        } else {
          take_in_rejoin(entry.payload);
        }
      } catch (const Error& e) {
        if (is_local_fault(e.reason())) throw;
        note(no_group, Kind::unreadable, {}, Secret::copy_of(as_view(e.what())), false);
      }
      state_.inbox.remember(entry.payload);
    }
    state_.inbox.set_cursor(server, page.entries.back().sequence);
  });
}

void Messenger::take_in_welcome(View welcome) {
  GroupMember joiner(identity_, state_.key_packages, random_);
  joiner.join_group(welcome);
  std::optional<Group> known = state_.groups.with_mls_id(joiner.group_id());
  const bool returns = known && known->rejoining;
  if (known && in_group(known->ref) && !returns) {
    throw Error(Reason::rejected, "it is an invitation to a group that is known here already");
  }
  std::string name = joiner.group_name();
  Group group =
      known ? *known : state_.groups.add(joiner.group_id(), is_name(name) ? name : "group", false);
  group.accepted = returns;  // who comes back need not say `join`
  group.cursor = 0;
  group.first_epoch = joiner.epoch();
  group.refreshed_ms = clock_();
  group.leaving_since_ms = 0;
  group.is_behind = group.rejoining = false;
  for (const Append& append : state_.appends.of(group.ref)) state_.appends.remove(append.id);
  state_.groups.update(group);
  loaded_.erase(group.ref);
  state_.group_records(group.ref).erase_all("");
  loaded_.emplace(group.ref, std::move(joiner));
  save(group.ref);
  note(group.ref, Kind::joined, identity_key(), {}, true);
}

// What a member asked who lost the way to our epoch becomes our intent; it is checked again when
// the commit is made, since others may be quicker.
void Messenger::take_in_rejoin(View request) {
  group::RejoinRequest read = group::read_rejoin_request(request);
  std::optional<Group> group = state_.groups.with_mls_id(read.group_id);
  if (!group || !in_group(group->ref) || !is_member(*group, read.identity) ||
      equal(read.identity, identity_key())) {
    throw Error(Reason::rejected, "somebody who is no member of a group asks to be back in it");
  }
  Intent intent;
  intent.group = group->ref;
  intent.add = {std::move(read.key_package)};
  intent.remove = {std::move(read.identity)};
  state_.intents.add(intent);
}

void Messenger::receive(GroupRef ref, const LogPage& page) {
  transact([&] {
    Group group = this->group(ref);
    if (page.expired_through > group.cursor) {
      note(ref, Kind::gap, {},
           Secret::copy_of(
               as_view("what was said here while you were away is gone from the server")),
           false);
      group.cursor = page.expired_through;
    }
    for (const LogEntry& entry : page.entries) {
      if (!in_group(ref)) break;  // the entry before removed us
      take_in(group, entry);
      group.cursor = entry.sequence;
    }
    save(ref);
    state_.groups.update(group);
  });
}

void Messenger::fell_behind(GroupRef ref) {
  transact([&] {
    Group group = this->group(ref);
    note_behind(group);
    state_.groups.update(group);
  });
}

// Once is enough.
void Messenger::note_behind(Group& group) {
  if (group.is_behind) return;
  group.is_behind = true;
  std::string what = "a change of the group is missing, after epoch " +
                     std::to_string(epoch(group.ref)) +
                     ": nothing that follows can be read. Run `rejoin`";
  note(group.ref, Kind::gap, {}, Secret::copy_of(as_view(what)), false);
}

void Messenger::take_in(Group& group, const LogEntry& entry) {
  for (const Append& append : state_.appends.of(group.ref)) {
    if (append.payload == entry.payload) return take_in_own(group, append);
  }
  if (entry.epoch < group.first_epoch) return;
  if (entry.epoch > epoch(group.ref)) {
    return note_behind(group);
  }
  try {
    take_in_other(group, entry);
  } catch (const Error& e) {
    if (is_local_fault(e.reason())) throw;
    std::string what = e.what();
    if (entry.is_commit && entry.epoch == epoch(group.ref)) {
      what = "the change that ends epoch " + std::to_string(entry.epoch) + " (position " +
             std::to_string(entry.sequence) + " of the log) cannot be applied, and nothing after " +
             "it can be read: " + what + ". Start a new group without who made it";
    }
    note(group.ref, Kind::unreadable, {}, Secret::copy_of(as_view(what)), false);
  }
}

void Messenger::take_in_own(Group& group, const Append& append) {
  state_.appends.remove(append.id);
  switch (append.kind) {
    case Append::Kind::create: break;
    case Append::Kind::message:
      note(group.ref, Kind::sent, identity_key(), append.content.clone(), true);
      break;
    case Append::Kind::leave: note(group.ref, Kind::leaving, identity_key(), {}, true); break;
    case Append::Kind::commit: {
      entered_epoch(group, member(group.ref).enter_pending_commit());
      if (!append.added.empty()) state_.outbox.add(append.welcome, append.added, random_);
      state_.intents.remove(static_cast<int64_t>(append.intent));
      break;
    }
  }
}

void Messenger::take_in_other(Group& group, const LogEntry& entry) {
  group::Received received = member(group.ref).receive_message(entry.payload, now());
  switch (received.kind) {
    case group::Received::Kind::application:
      note(group.ref, Kind::received, received.sender, std::move(received.plaintext), false);
      break;
    case group::Received::Kind::leave:
      note(group.ref, Kind::leaving, received.sender, {}, false);
      if (group.leaving_since_ms == 0) group.leaving_since_ms = clock_();
      break;
    case group::Received::Kind::commit: entered_epoch(group, received); break;
  }
}

void Messenger::entered_epoch(Group& group, const group::Received& commit) {
  const bool ours = equal(commit.sender, identity_key());
  auto note_keys = [&](Kind kind, const std::vector<Bytes>& keys) {
    if (!keys.empty()) note(group.ref, kind, commit.sender, joined_keys(keys), ours);
  };
  note_keys(Kind::removed, commit.removed);
  note_keys(Kind::added, commit.added);
  if (commit.name) {
    note(group.ref, Kind::renamed, commit.sender, Secret::copy_of(as_view(*commit.name)), ours);
  }
  group.leaving_since_ms = 0;
  if (ours) {
    group.refreshed_ms = clock_();
    group.sent_since = 0;
  }
  forget_rejoined(group, commit);
  // What was for the epoch before and has lost; messages are accepted a little longer.
  for (const Append& append : state_.appends.of(group.ref)) {
    if (append.kind != Append::Kind::message || commit.removed_us) {
      state_.appends.remove(append.id);
    }
  }
  if (!commit.removed_us) return;
  for (const Intent& intent : state_.intents.of(group.ref)) state_.intents.remove(intent.id);
}

// Another member was quicker: a second time would throw out again whoever has just come back.
void Messenger::forget_rejoined(const Group& group, const group::Received& commit) {
  for (const Bytes& key : commit.added) {
    if (!contains(commit.removed, key)) continue;
    for (const Intent& intent : state_.intents.of(group.ref)) {
      if (contains(intent.remove, key) && !intent.add.empty()) state_.intents.remove(intent.id);
    }
  }
}

}  // namespace qnpc::client
