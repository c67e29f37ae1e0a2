// What comes in from the logs of groups.
#include <algorithm>

#include "client/early_entries.h"
#include "client/limits.h"
#include "client/messenger.h"

namespace qnpc::client {
namespace {

using Kind = HistoryEntry::Kind;

Secret joined_keys(const std::vector<Bytes>& keys) {
  WipingBytes out;
  for (const Bytes& key : keys) out.insert(out.end(), key.begin(), key.end());
  return Secret(std::move(out));
}

// The epoch in which we were told last that something in the log had expired.
constexpr const char* epoch_of_gap = "gap";
// What the log has as the change that ends an epoch, and is none that we can apply.
constexpr const char* spoiler_record = "spoiler";
struct Spoiler {
  uint64_t epoch = 0;
  uint64_t sequence = 0;
  static auto wire(auto& m) { return std::tie(m.epoch, m.sequence); }
};

// The change that began our epoch.
constexpr const char* beginning_record = "beginning";
struct Beginning {
  uint64_t sequence = 0;
  Bytes committer;
  static auto wire(auto& m) { return std::tie(m.sequence, m.committer); }
};

// When we were told last that the change after an epoch is missing.
constexpr const char* stop_record = "stop";
struct Stop {
  uint64_t epoch = 0;
  uint64_t told_ms = 0;
  static auto wire(auto& m) { return std::tie(m.epoch, m.told_ms); }
};

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

std::string added_record(View identity_key) { return "added/" + to_hex(identity_key); }
std::string added_leaf_record(View identity_key, View leaf) {
  return "added_leaf/" + to_hex(identity_key) + "/" + to_hex(leaf);
}
std::string last_leaf_record(View identity_key) { return "last_leaf/" + to_hex(identity_key); }

template <class T>
std::optional<T> read(const Records& records, std::string_view name) {
  const std::optional<Secret> record = records.get(name);
  if (!record) return std::nullopt;
  return codec::decode<T>(record->reveal());
}

}  // namespace

// As far as we were there to see it, or the tree still shows.
bool Messenger::is_answered(const Group& group, const group::RejoinRequest& request) {
  const Records records = state_.group_records(group.ref);
  const group::LeafOrigin asked = group::inspect_key_package(request.key_package).leaf;
  const std::optional<group::LeafOrigin> present = member(group.ref).leaf_origin(request.identity);
  if (present && present->id == asked.id) return true;
  if (records.get(added_leaf_record(request.identity, asked.id))) return true;
  // Of an epoch before the one in which they were added: an old one, or the answer was lost, and
  // they have asked anew. Where we have joined since, we know when.
  const std::optional<uint64_t> added = read<uint64_t>(records, added_record(request.identity));
  if (added && request.epoch >= *added) return false;
  const uint64_t last =
      added ? read<uint64_t>(records, last_leaf_record(request.identity)).value_or(0)
            : std::max(read<uint64_t>(records, joined_record).value_or(0),
                       present ? present->not_before : 0);
  if (asked.not_before == last) return request.epoch < added.value_or(group.first_epoch);
  return asked.not_before < last;
}

// As a KeyPackage has it that was made now.
uint64_t Messenger::not_before_of_now() const {
  return now().seconds - static_cast<uint64_t>(qnpc::limits::clock_skew / std::chrono::seconds(1));
}

void Messenger::remember_addition(GroupRef group, View identity_key) {
  Records records = state_.group_records(group);
  const group::LeafOrigin leaf = member(group).leaf_origin(identity_key).value();
  records.put(added_record(identity_key), codec::encode_secret(epoch(group)));
  records.put(added_leaf_record(identity_key, leaf.id), Secret());
  const uint64_t last = read<uint64_t>(records, last_leaf_record(identity_key)).value_or(0);
  records.put(last_leaf_record(identity_key),
              codec::encode_secret(std::max(last, leaf.not_before)));
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
  const uint64_t present = epoch(ref);
  if (log_epoch == present && early.is_empty() && !group(ref).is_behind) return;
  transact([&] {
    Group group = this->group(ref);
    while (std::optional<LogEntry> entry = early.take_beyond(log_epoch)) {
      const std::string what = "it is of epoch " + std::to_string(entry->epoch) +
                               ", to which the group has not come (position " +
                               std::to_string(entry->sequence) + " of the log)";
      note(ref, Kind::unreadable, {}, Secret::copy_of(as_view(what)), false);
    }
    if (log_epoch > present) note_behind(group);
    // What made it seem so is over: another database at the server, or a word that was not true.
    if (log_epoch == present) group.is_behind = false;
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

// It was set back, or has forgotten the epoch; or whoever began it has given a false token for it,
// and shut all others out.
void Messenger::epoch_is_unknown(GroupRef ref) {
  transact([&] {
    Group group = this->group(ref);
    const bool is_news = begin_to_be_behind(group);
    state_.groups.update(group);
    if (!is_news) return;
    const uint64_t present = epoch(ref);
    std::string which = "epoch " + std::to_string(present);
    std::string what = ": nothing that follows can be read. Run `rejoin`";
    Bytes committer;
    auto beginning = read<Beginning>(state_.group_records(ref), beginning_record);
    if (beginning) {
      which += ", which began at position " + std::to_string(beginning->sequence) + " of the log";
      if (!equal(beginning->committer, identity_key())) {
        which += " with a change of theirs";
        what +=
            "; if nobody can go on and the server was not set back, start a new group without "
            "who made that change";
        committer = std::move(beginning->committer);
      }
    }
    what = "the server knows no " + which + what;
    note(ref, Kind::gap, committer, Secret::copy_of(as_view(what)), false);
  });
}

// False where that was told already, and not long ago.
bool Messenger::begin_to_be_behind(Group& group) {
  if (group.is_behind) return false;
  group.is_behind = true;
  Records records = state_.group_records(group.ref);
  const Stop stop{epoch(group.ref), clock_()};
  const auto last = read<Stop>(records, stop_record);
  if (last && last->epoch == stop.epoch && !is_past(last->told_ms, limits::stop_repeated)) {
    return false;
  }
  records.put(stop_record, codec::encode_secret(stop));
  return true;
}

void Messenger::note_behind(Group& group) {
  if (!begin_to_be_behind(group)) return;
  const uint64_t present = epoch(group.ref);
  std::string what = "a change of the group is missing, after epoch " + std::to_string(present) +
                     ": nothing that follows can be read. ";
  const auto spoiler = read<Spoiler>(state_.group_records(group.ref), spoiler_record);
  if (spoiler && spoiler->epoch == present) {
    what += "What the log has in its place (position " + std::to_string(spoiler->sequence) +
            ") is none. If the others go on without trouble, run `rejoin`; else start a new group "
            "without who made it";
  } else {
    what += "Run `rejoin`";
  }
  note(group.ref, Kind::gap, {}, Secret::copy_of(as_view(what)), false);
}

void Messenger::take_in(Group& group, const LogEntry& entry) {
  for (const Append& append : state_.appends.of(group.ref)) {
    if (append.payload == entry.payload) return take_in_own(group, append, entry.sequence);
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
    if (entry.is_commit && entry.epoch == present) note_spoiler(group.ref, entry.sequence);
    LogEntry early{entry.sequence, its_epoch, entry.is_commit, entry.payload};
    if (EarlyEntries(state_.group_records(group.ref)).keep(early)) return;
    const std::string what = "it is of epoch " + std::to_string(its_epoch) +
                             ", and too much waits already for what comes before that";
    return note(group.ref, Kind::unreadable, {}, Secret::copy_of(as_view(what)), false);
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
    fault = "it is none";
  } catch (const Error& e) {
    if (is_local_fault(e.reason())) throw;
    // A request to leave that was overtaken by a commit: it is void, and repeated by who made it.
    if (!ends_our_epoch && header && header->is_proposal && its_epoch < present) return;
    fault = e.what();
  }
  if (ends_our_epoch) {
    note_spoiler(group.ref, entry.sequence);
    fault = "the log has it as the change that ends epoch " + std::to_string(present) +
            " (position " + std::to_string(entry.sequence) +
            "), and it cannot be applied: " + fault;
  }
  note(group.ref, Kind::unreadable, {}, Secret::copy_of(as_view(fault)), false);
}

// Whoever made it may be a member: the log then goes on without a change that anybody can apply.
// Or the server's word is not true: what follows tells.
void Messenger::note_spoiler(GroupRef group, uint64_t sequence) {
  Records records = state_.group_records(group);
  records.put(spoiler_record, codec::encode_secret(Spoiler{epoch(group), sequence}));
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

void Messenger::take_in_own(Group& group, const Append& append, uint64_t sequence) {
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
      entered_epoch(group, member(group.ref).enter_pending_commit(), sequence);
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
    case group::Received::Kind::commit: entered_epoch(group, received, entry.sequence); break;
  }
}

// Who speaks numbers what they say, in each epoch (RFC 9420 9), where the server cannot see it.
// Where something in that epoch has expired, that was told already.
void Messenger::note_skipped(GroupRef group, const group::Received& message) {
  if (read<uint64_t>(state_.group_records(group), epoch_of_gap) == message.epoch) return;
  const bool is_one = message.skipped == 1;
  const std::string what = (is_one ? "a message" : std::to_string(message.skipped) + " messages") +
                           " of theirs before the next " + (is_one ? "is" : "are") +
                           " missing: withheld or altered by the server, or given up or encrypted "
                           "anew by them";
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

void Messenger::entered_epoch(Group& group, const group::Received& commit, uint64_t sequence) {
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
  state_.group_records(group.ref).put(beginning_record,
                                      codec::encode_secret(Beginning{sequence, commit.sender}));
  for (const Bytes& key : commit.added) remember_addition(group.ref, key);
  if (ours) {
    group.refreshed_ms = clock_();
    group.sent_since = 0;
  }
  forget_rejoined(group, commit);
  if (commit.removed_us && !commit.adds_us_anew) group.rejoining_with.clear();
  Records records = state_.group_records(group.ref);
  if (commit.adds_us_anew) records.put(anew_record, Secret());
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
    const auto read = std::ranges::find(behind, append.payload, &LogEntry::payload);
    if (is_message && read != behind.end()) {
      take_in_own(group, append, read->sequence);
      continue;
    }
    if (is_message) note(group.ref, Kind::unsent, identity_key(), append.content.clone(), false);
    state_.appends.remove(append.id);
  }
  for (const Intent& intent : state_.intents.of(group.ref)) state_.intents.remove(intent.id);
  EarlyEntries(state_.group_records(group.ref)).clear();
}

// Another member was quicker: a second time would throw out again whoever has just come back, or
// was invited by hand.
void Messenger::forget_rejoined(const Group& group, const group::Received& commit) {
  for (const Bytes& key : commit.added) {
    for (const Intent& intent : state_.intents.of(group.ref)) {
      if (intent.rejoin && contains(intent.remove, key)) state_.intents.remove(intent.id);
    }
  }
}

}  // namespace qnpc::client
