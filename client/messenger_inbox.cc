// What comes in from the inbox: invitations, and requests to come back.
#include "client/group_name.h"
#include "client/messenger.h"

namespace qnpc::client {
namespace {

using group::GroupMember;
using Kind = HistoryEntry::Kind;

// Where the reference begins among those that stand one behind the other.
std::optional<size_t> find(View references, View reference) {
  if (reference.empty()) return std::nullopt;
  for (size_t i = 0; i + reference.size() <= references.size(); i += reference.size()) {
    if (equal(references.subspan(i, reference.size()), reference)) return i;
  }
  return std::nullopt;
}

}  // namespace

void Messenger::receive(View server, const InboxPage& page, InboxReading& reading) {
  transact([&] {
    if (page.expired_through > state_.inbox.cursor(server)) {
      note(no_group, Kind::gap, {},
           Secret::copy_of(as_view(
               "something for you has expired on the server before you came: an invitation, or a "
               "request to come back. Whoever invited you has to `remove` you and invite you "
               "again")),
           false);
      state_.inbox.set_cursor(server, page.expired_through);
    }
    for (const InboxEntry& entry : page.entries) {
      if (!state_.inbox.knows(entry.payload)) {
        try {
          Savepoint part(state_.database());
          if (group::inspect_message(entry.payload).is_welcome) {
            take_in_welcome(entry.payload, reading.logs_read);
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

void Messenger::take_in_welcome(View welcome, std::set<GroupRef>& logs_read) {
  GroupMember joiner(identity_, state_.key_packages, random_);
  const group::Joined joined = joiner.join_group(welcome);
  std::optional<Group> known = state_.groups.with_mls_id(joiner.group_id());
  // Where the change is gone that ended our epoch, we are in it no more as far as we can tell: then
  // it is an invitation like any other, which we accept or not.
  const bool is_inside = known && in_group(known->ref) && !known->is_behind;
  const bool has_our_log = known && joiner.log_id() == log_id(known->ref);
  // The server knows all of them too: the ids of the group and its log, and the KeyPackage, which
  // our request has shown it. But it is none of those whom we have asked.
  const bool returns = has_our_log && find(known->rejoining_with, joined.key_package) &&
                       is_member(*known, joined.inviter);
  const bool was_behind = known && known->is_behind;
  // It was sent late, and we were removed and invited again meanwhile; or once more, for a
  // KeyPackage of last resort, to take us back to an epoch that is over. Any other comes once:
  // where we are out or behind, the server has lost the changes between, or ours is an epoch that
  // somebody has invented.
  if (has_our_log && joiner.epoch() <= epoch(known->ref) && (is_inside || joined.was_last_resort)) {
    return note_old_invitation(*known, joiner.epoch());
  }
  if (!returns && is_blocked(joined.inviter)) return key_packages_.was_used(joined);
  // But a server can make it seem so, and anybody an invitation: a stranger's would lose us the
  // group.
  const bool may_lose_it = known && (in_group(known->ref) || !known->rejoining_with.empty());
  const bool is_strange = may_lose_it && !returns && !is_member(*known, joined.inviter) &&
                          !state_.contacts.with_key(joined.inviter);
  const bool final = known && logs_read.contains(known->ref);  // just before
  if (is_strange || is_inside) {                               // the log has what was said before
    throw Error(final ? Reason::rejected : Reason::conflict,
                "it is an invitation to a group that you are in" +
                    std::string(is_strange ? ", by nobody whom you know: where they are in it now, "
                                             "add them to your contacts, and let them invite you "
                                             "again"
                                           : ""));
  }
  if (returns) require_certificates(joiner, known->ca, std::nullopt);  // else when we accept
  std::string name = joiner.group_name();
  Group group =
      known ? *known
            : state_.groups.add(joiner.group_id(), is_group_name(name) ? name : "group", false);
  const std::vector<Bytes> doubtful = keys_added_in_doubt(group.ref);
  if (known && !returns) give_up_what_waits(group, {});
  group.accepted = returns;  // who comes back need not say `join`
  group.cursor = 0;
  group.first_epoch = joiner.epoch();
  group.refreshed_ms = clock_();
  group.leaving_since_ms = 0;
  group.is_behind = false;
  forget_request(group, joined.key_package);
  state_.groups.update(group);
  loaded_.erase(group.ref);
  const bool may_have_expired =
      was_behind || state_.group_records(group.ref).get(expired_record).has_value();
  state_.group_records(group.ref).erase_all("");
  state_.group_records(group.ref).put(joined_record, codec::encode_secret(not_before_of_now()));
  loaded_.emplace(group.ref, std::move(joiner));
  save(group.ref);
  if (returns && !was_behind) state_.group_records(group.ref).put(return_record, Secret());
  loaded_.erase(group.ref);    // from now on it asks for what the group asks for
  logs_read.erase(group.ref);  // not the one that this leads to
  note(group.ref, Kind::joined, identity_key(), {}, true);
  note_doubtful_invitations(group, doubtful);
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
  if (!may_have_expired) return;
  send_again_in(group.ref);
  state_.group_records(group.ref).put(again_record, Secret());
}

// No news where all is well. Else the server may have lost the changes between, and who sent it
// believes that we are in.
void Messenger::note_old_invitation(const Group& group, uint64_t its_epoch) {
  if (in_group(group.ref) && !group.is_behind) return;
  const std::string what =
      "an invitation to epoch " + std::to_string(its_epoch) + " was not taken, since you were in " +
      std::to_string(epoch(group.ref)) +
      " already. If the server was set back to an older state, " +
      (in_group(group.ref) ? "run `rejoin`" : "let them remove you and invite you again");
  note(group.ref, Kind::gap, {}, Secret::copy_of(as_view(what)), false);
}

// The others may be answered yet, by who did not see this one: then we come back once more.
void Messenger::forget_request(Group& group, View key_package) {
  const std::optional<size_t> at = find(group.rejoining_with, key_package);
  if (!at) return;
  const auto one = group.rejoining_with.begin() + static_cast<ptrdiff_t>(*at);
  group.rejoining_with.erase(one, one + static_cast<ptrdiff_t>(key_package.size()));
}

// Of a commit that was not read back nobody here knows whether it was accepted.
std::vector<Bytes> Messenger::keys_added_in_doubt(GroupRef group) {
  std::vector<Bytes> keys;
  for (const Append& append : state_.appends.of(group)) {
    keys.insert(keys.end(), append.added.begin(), append.added.end());
  }
  return keys;
}

// It was: now they are members, and their Welcome is lost. Were it sent, it could lead into an
// epoch that never was.
void Messenger::note_doubtful_invitations(const Group& group, const std::vector<Bytes>& keys) {
  for (const Bytes& key : keys) {
    if (!is_member(group, key)) continue;  // what was wanted still is, or was given up
    gave_up("an invitation of " + to_hex(key) + " to " + group.alias +
            " was not sent, since your change was not read back. Where they have not been here "
            "since, `remove` them and invite them again");
  }
}

// What a member asked who lost the way to our epoch becomes our intent; it is checked again when
// the commit is made, since others may be quicker. To follow a request twice, or an old one, would
// put them out again.
void Messenger::take_in_rejoin(View request) {
  group::RejoinRequest read = group::read_rejoin_request(request);
  if (is_blocked(read.identity)) return;
  std::optional<Group> group = state_.groups.with_mls_id(read.group_id);
  // It was on its way when we were taken out, or was quicker than our invitation. Others have it.
  if (!group || !in_group(group->ref)) return;
  if (!is_member(*group, read.identity) || equal(read.identity, identity_key())) {
    throw Error(Reason::rejected, "it is a request to come back to a group, and not of a member");
  }
  if (is_answered(*group, read)) return;
  for (const Intent& intent : state_.intents.of(group->ref)) {  // their newest counts
    if (intent.rejoin && contains(intent.remove, read.identity)) state_.intents.remove(intent.id);
  }
  Intent intent;
  intent.group = group->ref;
  intent.rejoin = true;
  intent.add = {std::move(read.key_package)};
  intent.remove = {std::move(read.identity)};
  state_.intents.add(intent);
}

}  // namespace qnpc::client
