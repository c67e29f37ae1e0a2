// What comes in, from the inbox and from the logs of groups.
#include <algorithm>

#include "client/group_name.h"
#include "client/messenger.h"

namespace qnpc::client {
namespace {

using group::GroupMember;
using Kind = HistoryEntry::Kind;

Secret joined_keys(const std::vector<Bytes>& keys) {
  WipingBytes out;
  for (const Bytes& key : keys) out.insert(out.end(), key.begin(), key.end());
  return Secret(std::move(out));
}

}  // namespace

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
      known ? *known
            : state_.groups.add(joiner.group_id(), is_group_name(name) ? name : "group", false);
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
