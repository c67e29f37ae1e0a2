// messenger: the steps of a conversation, each one transaction: the MLS state that it changes, what
// it puts into the history, and what must leave afterwards (outbox and appends). Knows no network.
//
// What is true after each call, also where the process dies: either all of the step is on the disk
// or nothing of it. A group changes only by what is read back from its log, our own commits and
// messages included: so all members have one history, in one order.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "client/content.h"
#include "client/delivery_server.h"
#include "client/key_packages.h"
#include "client/state/state.h"
#include "qnpc/group/group_member.h"

namespace qnpc::client {

/// A record of a group: something in its log had expired unread, and what waits was not yet sent
/// again for that.
inline constexpr const char* expired_record = "expired";
/// Likewise: there since we came back with nothing missing before that, until something is.
inline constexpr const char* return_record = "returned";
/// Likewise: what waits was encrypted when we came back, and nothing was appended since.
inline constexpr const char* again_record = "again";
/// Likewise: the not_before of a KeyPackage that was made when we joined.
inline constexpr const char* joined_record = "joined";
/// Likewise: the others have taken us out and in again, and a Welcome is on its way.
inline constexpr const char* anew_record = "anew";

/// When a client makes its keys new without being asked.
struct RefreshPolicy {
  std::chrono::hours after{24 * 7};
  uint32_t messages = 1000;  // of ours
};

/// One look at the inbox, over all of its pages.
struct InboxReading {
  std::set<GroupRef> logs_read;  // just before: an invitation to one of them need not wait
  bool is_waiting = false;       // something waits until they are, and what is behind it stays
  uint64_t taken_through = 0;    // all up to here was taken in
};

class Messenger {
 public:
  /// All of them outlive the messenger.
  Messenger(State& state, Random& random, const Clock& clock);

  View identity_key() const { return identity_.identity_key(); }

  const group::Identity& identity() const { return identity_; }

  KeyPackages& key_packages() { return key_packages_; }

  /// Throws Reason::usage where the name is taken or makes no name.
  /// `ca`: whose certificates its members have to show, DER; none: they need none. Throws
  /// Reason::usage too where ours will not do.
  Group create_group(const std::string& name, group::Suite suite = group::default_suite,
                     const std::vector<Bytes>& ca = {});
  /// Remembers what takes a commit (or, for `leave`, somebody else's), until it is in force.
  /// Returns its id. Throws Reason::usage if we are no member any more.
  int64_t want(const Group& group, Intent intent);
  /// Makes of the oldest intent a commit or a request to leave, ready to be appended; drops those
  /// that the group has seen to meanwhile, that failed too often, or that break a rule, and says so
  /// in take_notes(). Nothing happens while a commit of ours is underway. `speaking`: a commit that
  /// lets us speak again where somebody asks to leave.
  void prepare_commit(GroupRef group, bool speaking);
  /// Whether the change is in force, by our commit or by another's. Known in the process in which
  /// it came to be.
  bool is_fulfilled(int64_t intent) const { return fulfilled_.contains(intent); }
  /// Whether the change was given up since others changed the group first, each time. Likewise.
  bool was_always_too_late(int64_t intent) const { return too_late_.contains(intent); }
  /// Encrypts the text, ready to be appended. Throws Reason::usage if we are no member any more,
  /// or are about to leave.
  Content send(const Group& group, const std::string& text);
  /// Whether the message was read back from the log: it is in everybody's history, in its place.
  /// Known in the process in which it came to be.
  bool is_delivered(const ContentId& id) const { return delivered_.contains(id); }
  /// Whether messages that wait may leave; else take_notes() says why not.
  bool may_send(const Group& group);
  /// All messages of ours that wait are encrypted anew, in their order: they were too late for
  /// their epoch.
  void send_again(GroupRef group);
  /// The same, once the log was read, where something in it had expired before: the server may have
  /// accepted one that waits and have forgotten it. To the others it would be a replay.
  void send_again_what_may_have_expired(GroupRef group);
  /// Asks the other members to take us in again. Throws Reason::usage if we are no member any more.
  void rejoin(Group group);
  /// Something for an inbox can never be delivered, as that says. Part of the caller's transaction.
  void gave_up(const std::string& what);
  /// The server will never take a message or a commit, as that says: it is over with it, and the
  /// next commit may be made. The text of a message stays in the history, as unsent.
  void was_refused(const Append& append, const std::string& why);
  /// The log exists from now on.
  void log_created(const Append& create);

  /// Takes entries in, in order: joins, opens, or notes in the history that one cannot be read.
  /// Throws only where the state cannot be written. An invitation to a group that we are in waits:
  /// its log may first tell us that we are not. It holds up nothing behind it.
  void receive(View server, const InboxPage& page, InboxReading& reading);
  void receive(GroupRef group, const LogPage& page);
  /// The log has shown all that it has, and says that it is in that epoch.
  void read_to_the_end(GroupRef group, uint64_t log_epoch);
  /// The server has given that number to what we appended, and the cursor is beyond it already.
  void was_set_back(GroupRef group, uint64_t sequence);
  /// The log has no way from our epoch to its present one.
  void fell_behind(GroupRef group);
  /// The server does not take the token of our epoch.
  void epoch_is_unknown(GroupRef group);

  /// Accepts an invitation under the name given, or the group's own. Returns it with its alias.
  /// `ca`: as of create_group(); without, it is the one of before where we have been in that group.
  /// Throws Reason::rejected where a member's certificate will not do.
  Group accept(Group group, const std::string& name, const std::vector<Bytes>& ca = {});
  /// Throws Reason::usage where the name is taken or makes no name.
  void rename(Group group, const std::string& name);

  /// Gives a contact another key. Where the one before was verified, the groups in which either is
  /// say so, and nothing is sent there until `settle_key`.
  void replace_key(Contact contact, View key);
  /// Whether the contact's present key is the true one, as far as the person says.
  void settle_key(Contact contact, bool verified);

  /// What we show of ourselves from now on, also to the groups that we are in, as they commit. Its
  /// first certificate is for our identity key.
  void certify(const std::vector<Bytes>& chain);
  /// As their CA calls the members of a group that asks for certificates, once that was accepted;
  /// else none.
  std::map<Bytes, std::string> certified_names(const Group& group);

  /// From now on nothing of theirs is shown, and they invite us to nothing. The token of our inbox
  /// is another one, which the groups that they are not in are told.
  void block(Contact contact);
  void unblock(Contact contact);
  /// The server has the token that our inbox has now. Until then nobody is told of it.
  void inbox_token_is_set();

  /// Another process may have used the state in between: reads anew who we are, and all groups.
  void forget_loaded();
  void set_refresh_policy(const RefreshPolicy& policy) { refresh_ = policy; }
  /// What a person should hear of what was dropped; each once.
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

  bool in_group(GroupRef group) { return member(group).in_group(); }
  std::vector<Bytes> members(const Group& group) { return member(group.ref).members(); }
  std::vector<Bytes> leaving(GroupRef group) { return member(group).leaving(); }
  bool is_member(const Group& group, View identity_key);
  /// Whether we have asked to leave, in this epoch.
  bool is_leaving(GroupRef group);
  uint64_t epoch(GroupRef group) { return member(group).epoch(); }
  group::Suite suite(GroupRef group) { return member(group).suite(); }
  Bytes epoch_authenticator(const Group& group) { return member(group.ref).epoch_authenticator(); }
  Bytes log_id(GroupRef group) { return member(group).log_id(); }
  Secret append_token(GroupRef group) { return member(group).append_token(); }

 private:
  group::GroupMember& member(GroupRef group);
  void save(GroupRef group);
  Group group(GroupRef ref);
  void take_in_welcome(View welcome, std::set<GroupRef>& logs_read);
  void take_in_rejoin(View request);
  void note_old_invitation(const Group& group, uint64_t its_epoch);
  static void forget_request(Group& group, View key_package);
  std::vector<Bytes> keys_added_in_doubt(GroupRef group);
  void note_doubtful_invitations(const Group& group, const std::vector<Bytes>& keys);
  void take_in(Group& group, const LogEntry& entry);
  void take_in_early(Group& group);
  void take_in_own(Group& group, const Append& append, uint64_t sequence);
  void take_in_other(Group& group, const LogEntry& entry);
  bool begin_to_be_behind(Group& group);
  void note_behind(Group& group);
  void note_spoiler(GroupRef group, uint64_t sequence);
  void note_missed(const Group& group);
  void note_skipped(GroupRef group, const group::Received& message);
  void entered_epoch(Group& group, const group::Received& commit, uint64_t sequence);
  void give_up_what_waits(Group& group, std::span<const LogEntry> behind);
  void forget_rejoined(const Group& group, const group::Received& commit);
  bool still_wanted(GroupRef group, Intent& intent);
  bool is_our_turn(const Group& group);
  bool is_past(uint64_t since_ms, std::chrono::milliseconds time) const;
  void send_again_in(GroupRef group);
  bool repeats(const Group& group, const group::Received& message);
  bool is_already_here(const Group& group, const Content& content, View sender);
  bool is_answered(const Group& group, const group::RejoinRequest& request);
  void remember_addition(GroupRef group, View identity_key);
  uint64_t not_before_of_now() const;
  std::vector<Recipient> recipients(GroupRef group, const std::vector<Bytes>& members);
  void append_own_commit(GroupRef group);
  void append_intent(GroupRef group, Intent intent);
  void drop_intent(GroupRef group, const Intent& intent, const std::string& why);
  void append_commit(GroupRef group, const Intent& intent);
  void append_message(GroupRef group, const Secret& content);
  bool is_taken_in_anew(const Group& group) const;
  void require_member(const Group& group);
  void require_certificates(group::GroupMember& member, const std::vector<Bytes>& ca,
                            std::optional<UnixTime> at);
  void require_settled_keys(const Group& group);
  void note_changed_keys(GroupRef group, const std::vector<Bytes>& keys);
  void warn_of_namesakes(const Contact& contact);
  void note_rivals(const Group& group, const std::vector<Bytes>& named);
  bool is_blocked(View identity_key) const;
  bool may_tell_inbox_token(GroupRef group, const std::vector<Bytes>& added);
  void require_free_name(const std::string& name);
  void note(GroupRef group, HistoryEntry::Kind kind, View sender, Secret content, bool shown);
  Append new_append(GroupRef group, Append::Kind kind, Bytes payload);
  UnixTime now() const { return {clock_() / 1000}; }

  /// Runs a step as one transaction; members that it touched are forgotten if it fails.
  template <class Step>
  auto transact(Step&& step);

  State& state_;
  Random& random_;
  const Clock& clock_;
  group::Identity identity_;
  KeyPackages key_packages_;
  RefreshPolicy refresh_;
  std::map<GroupRef, group::GroupMember> loaded_;
  std::set<ContentId> delivered_;
  std::set<int64_t> fulfilled_;
  std::set<int64_t> too_late_;
  std::vector<std::string> notes_;
  std::set<GroupRef> held_back_;  // where messages wait, as the person was told
};

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

/// Whether it is one of the identity keys.
bool contains(const std::vector<Bytes>& keys, View key);

/// Of those whom the KeyPackages are of. Throws as group::inspect_key_package() does.
std::vector<Bytes> identities_of(const std::vector<Bytes>& key_packages);

}  // namespace qnpc::client
