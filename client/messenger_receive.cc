// What comes in, from the inbox and from the logs of groups.
#include <algorithm>

#include "client/early_entries.h"
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

bool is_one_of(View references, View reference) {
  for (; references.size() >= reference.size() && !reference.empty();
       references = references.subspan(reference.size())) {
    if (equal(references.first(reference.size()), reference)) return true;
  }
  return false;
}

// The epoch in which we were told last that something in the log had expired.
constexpr const char* epoch_of_gap = "gap";
// There since we came back with nothing missing before that, until something is.
constexpr const char* return_record = "returned";

// What an entry says of itself, which nobody can change unnoticed (RFC 9420 6.3.1): that counts,
// and not what the server has written beside it. Nothing where it is no message to this group.
std::optional<group::MessageInfo> read_header(const Group& group, const LogEntry& entry) {
  try {
    group::MessageInfo info = group::inspect_message(entry.payload);
    if (info.group_id == group.mls_id) return info;
  } catch (const Error& e) {
    if (is_local_fault(e.reason())) throw;
    // It does not open either, which says why.
  }
  return std::nullopt;
}

}  // namespace

void Messenger::receive(View server, const InboxPage& page, InboxReading& reading) {
  transact([&] {
    for (const InboxEntry& entry : page.entries) {
      if (!state_.inbox.knows(entry.payload)) {
        try {
          Savepoint part(state_.database());
          if (group::inspect_message(entry.payload).is_welcome) {
            take_in_welcome(entry.payload, reading.logs_were_read);
            reading.logs_were_read = false;  // not the one that it leads to
          } else {
            take_in_rejoin(entry.payload);
          }
          part.keep();
        } catch (const Error& e) {
          if (is_local_fault(e.reason())) throw;
          if (e.reason() == Reason::conflict) {
            reading.is_waiting = true;
            continue;
          }
          note(no_group, Kind::unreadable, {}, Secret::copy_of(as_view(e.what())), false);
        }
        state_.inbox.remember(entry.payload);
      }
      if (reading.is_waiting) continue;
      state_.inbox.set_cursor(server, entry.sequence);
      reading.taken_through = entry.sequence;
    }
  });
}

void Messenger::take_in_welcome(View welcome, bool final) {
  GroupMember joiner(identity_, state_.key_packages, random_);
  const group::Joined joined = joiner.join_group(welcome);
  std::optional<Group> known = state_.groups.with_mls_id(joiner.group_id());
  // Where the change is gone that ended our epoch, we are in it no more as far as we can tell: then
  // it is an invitation like any other, which we accept or not.
  const bool is_inside = known && in_group(known->ref) && !known->is_behind;
  const bool has_our_log = known && joiner.log_id() == log_id(known->ref);
  // It was sent late, and we were removed and invited again meanwhile; or once more, for a
  // KeyPackage of last resort, to take us back to an epoch that is over.
  if (has_our_log && joiner.epoch() <= epoch(known->ref)) return;
  // The id of a group is no secret: whoever wants to put another in its place would need the
  // KeyPackage that only its members were given, and the log that only they can name.
  const bool was_asked_for = has_our_log && is_one_of(known->rejoining_with, joined.key_package);
  const bool returns = known && was_asked_for;
  const bool was_behind = known && known->is_behind;
  if (!was_asked_for && is_blocked(joined.inviter)) return key_packages_.was_used(joined);
  // But a server can make it seem so, and anybody an invitation: a stranger's would lose us the
  // group.
  const bool may_lose_it = known && (in_group(known->ref) || !known->rejoining_with.empty());
  const bool is_strange = may_lose_it && !returns && !is_member(*known, joined.inviter);
  if (is_strange || (is_inside && !(returns && final))) {  // the log has what was said before
    throw Error(final ? Reason::rejected : Reason::conflict,
                "it is an invitation to a group that you are in" +
                    std::string(is_strange ? ", by nobody whom you know there" : ""));
  }
  if (returns) require_certificates(joiner, known->ca, std::nullopt);  // else when we accept
  std::string name = joiner.group_name();
  Group group =
      known ? *known
            : state_.groups.add(joiner.group_id(), is_group_name(name) ? name : "group", false);
  if (known) note_doubtful_invitations(group);
  if (known && !returns) give_up_what_waits(group, {});
  group.accepted = returns;  // who comes back need not say `join`
  group.cursor = 0;
  group.first_epoch = joiner.epoch();
  group.refreshed_ms = clock_();
  group.leaving_since_ms = 0;
  group.is_behind = false;
  group.rejoining_with.clear();
  state_.groups.update(group);
  loaded_.erase(group.ref);
  const bool may_have_expired =
      was_behind || state_.group_records(group.ref).get(expired_record).has_value();
  state_.group_records(group.ref).erase_all("");
  loaded_.emplace(group.ref, std::move(joiner));
  save(group.ref);
  if (returns && !was_behind) state_.group_records(group.ref).put(return_record, Secret());
  loaded_.erase(group.ref);  // from now on it asks for what the group asks for
  note(group.ref, Kind::joined, identity_key(), {}, true);
  note_changed_keys(group.ref, members(group));
  note_rivals(group, members(group));
  key_packages_.was_used(joined);
  if (!returns) return;
  // While we were away others may have answered those who asked us too.
  for (const Intent& intent : state_.intents.of(group.ref)) {
    if (intent.rejoin) state_.intents.remove(intent.id);
  }
  for (const Append& append : state_.appends.of(group.ref)) {
    if (append.kind != Append::Kind::message) state_.appends.remove(append.id);
  }
  // Else the log shows those that the others have, and they take the rest still.
  if (may_have_expired) send_again_in(group.ref);
}

// Of a commit that was not read back nobody here knows whether it was accepted. Were its Welcome
// sent, it could lead into an epoch that never was.
void Messenger::note_doubtful_invitations(const Group& group) {
  for (const Append& append : state_.appends.of(group.ref)) {
    for (const Bytes& key : append.added) {
      gave_up("an invitation of " + to_hex(key) + " to " + group.alias +
              " was not sent, since your change was not read back. Where `members` shows them all "
              "the same, `remove` them and invite them again");
    }
  }
}

// What a member asked who lost the way to our epoch becomes our intent; it is checked again when
// the commit is made, since others may be quicker. A request from before they were added, for the
// last time, is an old one: to follow it would put them out.
void Messenger::take_in_rejoin(View request) {
  group::RejoinRequest read = group::read_rejoin_request(request);
  if (is_blocked(read.identity)) return;
  std::optional<Group> group = state_.groups.with_mls_id(read.group_id);
  // It was on its way when we were taken out, or was quicker than our invitation. Others have it.
  if (!group || !in_group(group->ref)) return;
  if (!is_member(*group, read.identity) || equal(read.identity, identity_key())) {
    throw Error(Reason::rejected, "it is a request to come back to a group, and not of a member");
  }
  if (read.epoch < added_in(*group, read.identity)) return;  // another member was quicker
  for (const Intent& intent : state_.intents.of(group->ref)) {
    if (intent.rejoin && contains(intent.remove, read.identity)) return;
  }
  Intent intent;
  intent.group = group->ref;
  intent.rejoin = true;
  intent.add = {std::move(read.key_package)};
  intent.remove = {std::move(read.identity)};
  state_.intents.add(intent);
}

namespace {

std::string added_record(View identity_key) { return "added/" + to_hex(identity_key); }

}  // namespace

// The epoch that a member's latest addition began, as far as we were there to see it.
uint64_t Messenger::added_in(const Group& group, View identity_key) {
  std::optional<Secret> record = state_.group_records(group.ref).get(added_record(identity_key));
  return record ? codec::decode<uint64_t>(record->reveal()) : group.first_epoch;
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
      state_.group_records(ref).put(expired_record, Secret());
      state_.group_records(ref).put(epoch_of_gap, codec::encode_secret(epoch(ref)));
    }
    for (size_t i = 0; i < page.entries.size() && in_group(ref); ++i) {
      const uint64_t before = epoch(ref);
      take_in(group, page.entries[i]);
      group.cursor = page.entries[i].sequence;
      if (in_group(ref) && epoch(ref) != before) take_in_early(group);
      const bool is_out = !in_group(ref) && group.rejoining_with.empty();
      if (is_out) give_up_what_waits(group, std::span(page.entries).subspan(i + 1));
    }
    save(ref);
    state_.groups.update(group);
  });
}

// Numbers only grow: the server was restored from a backup, or one that it has shown was false.
// What others have appended meanwhile, we have not seen.
void Messenger::was_set_back(GroupRef ref, uint64_t sequence) {
  transact([&] {
    Group group = this->group(ref);
    group.cursor = sequence - 1;
    state_.groups.update(group);
    note(ref, Kind::gap, {},
         Secret::copy_of(as_view("the server counts anew, as one that was set back to an older "
                                 "state: what others have said before this may be missing")),
         false);
  });
}

void Messenger::read_to_the_end(GroupRef ref, uint64_t log_epoch) {
  EarlyEntries early(state_.group_records(ref));
  if (log_epoch <= epoch(ref) && early.is_empty()) return;
  transact([&] {
    Group group = this->group(ref);
    while (std::optional<LogEntry> entry = early.take_beyond(log_epoch)) {
      const std::string what = "it is of epoch " + std::to_string(entry->epoch) +
                               ", to which the group has not come (position " +
                               std::to_string(entry->sequence) + " of the log)";
      note(ref, Kind::unreadable, {}, Secret::copy_of(as_view(what)), false);
    }
    if (log_epoch > epoch(ref)) note_behind(group);
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
  const uint64_t present = epoch(group.ref);
  const std::optional<group::MessageInfo> header = read_header(group, entry);
  const uint64_t its_epoch = header ? header->epoch : entry.epoch;
  // In silence only where the server says the same.
  if (header && std::max(its_epoch, entry.epoch) < group.first_epoch) {
    if (!header->is_commit && !header->is_proposal) note_missed(group);
    return;
  }
  if (header && its_epoch > present) {
    LogEntry early{entry.sequence, its_epoch, entry.is_commit, entry.payload};
    if (!EarlyEntries(state_.group_records(group.ref)).keep(early)) note_behind(group);
    return;
  }
  const bool ends_our_epoch = entry.is_commit && (its_epoch == present || entry.epoch == present);
  std::string fault;
  try {
    // A member can append a change as a message, and the log would stay in the epoch before.
    if (header && header->is_commit && !entry.is_commit) {
      throw Error(Reason::rejected, "it changes the group, and the log has it as a message");
    }
    Savepoint part(state_.database());
    take_in_other(group, entry);
    part.keep();
    if (!ends_our_epoch || !in_group(group.ref) || epoch(group.ref) != present) return;
    fault = "it is no change of the group";
  } catch (const Error& e) {
    if (is_local_fault(e.reason())) throw;
    // A request to leave that was overtaken by a commit: it is void, and repeated by who made it.
    if (header && header->is_proposal && its_epoch < present) return;
    fault = e.what();
  }
  if (ends_our_epoch) {
    fault = "the change that ends epoch " + std::to_string(present) + " (position " +
            std::to_string(entry.sequence) + " of the log) cannot be applied, and nothing after " +
            "it can be read: " + fault +
            ". If the others go on without trouble, run `rejoin`; else start a new group without "
            "who made it";
  }
  note(group.ref, Kind::unreadable, {}, Secret::copy_of(as_view(fault)), false);
}

// What came before the change that began our epoch.
void Messenger::take_in_early(Group& group) {
  EarlyEntries early(state_.group_records(group.ref));
  while (in_group(group.ref)) {
    const std::optional<LogEntry> due = early.take_through(epoch(group.ref));
    if (!due) return;
    take_in(group, *due);
  }
}

// What was said in the epoch before, and came after the change with which we came back: the others
// can read it. It was not for us only where we have just been invited.
void Messenger::note_missed(const Group& group) {
  Records records = state_.group_records(group.ref);
  if (!records.get(return_record)) return;
  records.erase(return_record);
  note(group.ref, Kind::gap, {},
       Secret::copy_of(as_view("what was said here while you were coming back cannot be read")),
       false);
}

void Messenger::take_in_own(Group& group, const Append& append) {
  state_.appends.remove(append.id);
  switch (append.kind) {
    case Append::Kind::create: break;
    case Append::Kind::message: {
      Content content = decode_content(append.content.reveal());
      if (!is_already_here(group, content, identity_key())) {
        note(group.ref, Kind::sent, identity_key(), append.content.clone(), true);
      }
      delivered_.insert(content.id);
      break;
    }
    case Append::Kind::leave: note(group.ref, Kind::leaving, identity_key(), {}, true); break;
    case Append::Kind::commit: {
      entered_epoch(group, member(group.ref).enter_pending_commit());
      if (!append.added.empty()) {
        state_.outbox.add(append.welcome, recipients(group.ref, append.added), random_);
      }
      state_.intents.remove(static_cast<int64_t>(append.intent));
      fulfilled_.insert(static_cast<int64_t>(append.intent));
      break;
    }
  }
}

void Messenger::take_in_other(Group& group, const LogEntry& entry) {
  group::Received received = member(group.ref).receive_message(entry.payload, now());
  switch (received.kind) {
    case group::Received::Kind::application:
      if (received.skipped > 0) note_skipped(group.ref, received);
      if (repeats(group, received)) break;
      note(group.ref, Kind::received, received.sender, std::move(received.plaintext), false);
      break;
    case group::Received::Kind::leave:
      note(group.ref, Kind::leaving, received.sender, {}, false);
      if (group.leaving_since_ms == 0) group.leaving_since_ms = clock_();
      break;
    case group::Received::Kind::commit: entered_epoch(group, received); break;
  }
}

// Who speaks numbers what they say, in each epoch (RFC 9420 9), where the server cannot see it.
// Where something in our epoch has expired, that was told already.
void Messenger::note_skipped(GroupRef group, const group::Received& message) {
  const std::optional<Secret> expired = state_.group_records(group).get(epoch_of_gap);
  if (expired && codec::decode<uint64_t>(expired->reveal()) == epoch(group)) return;
  const bool is_one = message.skipped == 1;
  const std::string what = (is_one ? "a message" : std::to_string(message.skipped) + " messages") +
                           " of theirs before the next " + (is_one ? "is" : "are") +
                           " missing: withheld or altered by the server, or given up by them";
  note(group, Kind::gap, message.sender, Secret::copy_of(as_view(what)), false);
}

// Whoever had to encrypt a message anew, since the server said that it had come too late, gives it
// the same id: the server may have lied.
bool Messenger::is_already_here(const Group& group, const Content& content, View sender) {
  Bytes name = to_bytes(std::string_view("content"));
  append(name, group.mls_id);
  append(name, sender);
  append(name, content.id);
  if (state_.inbox.knows(name)) return true;
  state_.inbox.remember(name);
  return false;
}

bool Messenger::repeats(const Group& group, const group::Received& message) {
  try {
    return is_already_here(group, decode_content(message.plaintext.reveal()), message.sender);
  } catch (const Error& e) {
    if (is_local_fault(e.reason())) throw;
    return false;  // of a kind that we do not know: it is shown as that
  }
}

void Messenger::entered_epoch(Group& group, const group::Received& commit) {
  const bool ours = equal(commit.sender, identity_key());
  auto note_keys = [&](Kind kind, const std::vector<Bytes>& keys) {
    if (!keys.empty()) note(group.ref, kind, commit.sender, joined_keys(keys), ours);
  };
  note_keys(Kind::removed, commit.removed);
  note_keys(Kind::added, commit.added);
  note_changed_keys(group.ref, commit.added);
  std::vector<Bytes> newly_named = commit.added;
  if (commit.changed_credential) newly_named.push_back(commit.sender);
  note_rivals(group, newly_named);
  if (commit.name) {
    note(group.ref, Kind::renamed, commit.sender, Secret::copy_of(as_view(*commit.name)), ours);
  }
  group.leaving_since_ms = 0;
  group.is_behind = false;
  for (const Bytes& key : commit.added) {
    Records records = state_.group_records(group.ref);
    records.put(added_record(key), codec::encode_secret(epoch(group.ref)));
  }
  if (ours) {
    group.refreshed_ms = clock_();
    group.sent_since = 0;
  }
  forget_rejoined(group, commit);
  if (commit.removed_us && !commit.adds_us_anew) group.rejoining_with.clear();
  // What was for the epoch before and has lost; messages are accepted a little longer.
  for (const Append& append : state_.appends.of(group.ref)) {
    if (append.kind != Append::Kind::message) state_.appends.remove(append.id);
  }
}

// We are out. A message that the log has behind that, the others have read: they take those of the
// epoch before for a while.
void Messenger::give_up_what_waits(Group& group, std::span<const LogEntry> behind) {
  for (const Append& append : state_.appends.of(group.ref)) {
    const bool is_message = append.kind == Append::Kind::message;
    if (is_message &&
        std::ranges::find(behind, append.payload, &LogEntry::payload) != behind.end()) {
      take_in_own(group, append);
      continue;
    }
    if (is_message) note(group.ref, Kind::unsent, identity_key(), append.content.clone(), false);
    state_.appends.remove(append.id);
  }
  for (const Intent& intent : state_.intents.of(group.ref)) state_.intents.remove(intent.id);
  EarlyEntries(state_.group_records(group.ref)).clear();
}

// Another member was quicker: a second time would throw out again whoever has just come back.
void Messenger::forget_rejoined(const Group& group, const group::Received& commit) {
  for (const Bytes& key : commit.added) {
    if (!contains(commit.removed, key)) continue;
    for (const Intent& intent : state_.intents.of(group.ref)) {
      if (intent.rejoin && contains(intent.remove, key)) state_.intents.remove(intent.id);
    }
  }
}

}  // namespace qnpc::client
