// tables: one class for each noun that the state keeps. docs/client-state.md has the layout.
//
// None of them opens a transaction: that is the caller's, who knows what belongs together.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/state/sqlite.h"
#include "client/state/vault.h"
#include "qnpc/base/storage.h"

namespace qnpc::client {

using MessageId = ByteArray<16>;
using GroupRef = int64_t;  // a group's row; 0 is no group
inline constexpr GroupRef no_group = 0;

/// What every table works with.
struct Store {
  Database& database;
  const Vault& vault;
};

/// The id that AUTOINCREMENT would give next: values are sealed together with their id, which must
/// therefore be known before, and must never be given to another row.
int64_t next_id(Database& database, std::string_view table);

/// The records of one MLS group, or (scope 0) the private halves of KeyPackages.
class Records final : public Storage {
 public:
  Records(Store store, int64_t scope) : store_(store), scope_(scope) {}
  std::optional<Secret> get(std::string_view name) const override;
  std::vector<std::string> names(std::string_view prefix) const override;
  void put(std::string_view name, const Secret& value) override;
  void erase(std::string_view name) override;
  void erase_all(std::string_view prefix) override;

 private:
  Store store_;
  int64_t scope_;
};

/// Single values by name.
class Meta {
 public:
  explicit Meta(Store store) : store_(store) {}
  std::optional<Secret> get(std::string_view name) const;
  void put(std::string_view name, View value);
  void erase(std::string_view name);

 private:
  Store store_;
};

struct Group {
  GroupRef ref = no_group;
  Bytes mls_id;
  std::string alias;
  bool accepted = false;          // false: we were invited and have not said `join` yet
  uint64_t cursor = 0;            // the last entry of its log that was taken in
  uint64_t first_epoch = 0;       // ours: what is older was not for us
  uint64_t refreshed_ms = 0;      // when we last made our keys new; Unix time
  uint32_t sent_since = 0;        // messages of ours since then
  uint64_t leaving_since_ms = 0;  // when somebody asked to leave this epoch; 0: nobody has
  bool is_behind = false;         // the change that ended our epoch seems gone: see `rejoin`
  Bytes rejoining_with;           // references of KeyPackages with which we asked to come back
  std::vector<Bytes> ca;          // whose certificates members have to show, DER; empty: nobody's
  static auto wire(auto& m) {
    return std::tie(m.mls_id, m.accepted, m.cursor, m.first_epoch, m.refreshed_ms, m.sent_since,
                    m.leaving_since_ms, m.is_behind, m.rejoining_with, m.ca);
  }
};

class Groups {
 public:
  explicit Groups(Store store) : store_(store) {}
  std::vector<Group> list() const;  // oldest first
  std::optional<Group> with_alias(std::string_view alias) const;
  std::optional<Group> with_mls_id(View mls_id) const;
  /// The alias is made unique with a suffix "-2", "-3", ... where it is taken.
  Group add(View mls_id, std::string_view alias, bool accepted);
  std::optional<Group> find(GroupRef ref) const;
  void update(const Group& group);
  std::string free_alias(std::string_view wanted) const;

 private:
  void write(const Group& group);
  Store store_;
};

struct HistoryEntry {
  enum class Kind : uint8_t {
    sent = 1,          // content: what send_message was given
    received = 2,      // content: what receive_message gave
    added = 3,         // content: identity keys, 32 bytes each; sender: who added them
    removed = 4,       // the same
    joined = 5,        // we entered the group
    unreadable = 6,    // content: the reason, in words
    renamed = 7,       // content: the group's new name; sender: who gave it
    leaving = 8,       // sender asks to be removed
    gap = 9,           // content: what is missing here, in words; sender: whose, or empty
    unsent = 10,       // content: what we wanted to say, and could not
    key_changed = 11,  // sender: a contact's new key; content: the one before
    undelivered = 12,  // content: what could not be delivered and was given up, in words
  };
  int64_t id = 0;  // in the order in which things became known here
  GroupRef group = no_group;
  bool shown = false;
  Kind kind = Kind::received;
  Bytes sender;          // identity key; empty where unknown
  uint64_t time_ms = 0;  // when it was received, or sent by us; Unix time
  Secret content;
};

class History {
 public:
  explicit History(Store store) : store_(store) {}
  void append(const HistoryEntry& entry);  // with a fresh id
  /// Oldest first. `group`: only that one.
  void each(bool unshown_only, std::optional<GroupRef> group,
            const std::function<void(const HistoryEntry&)>& use) const;
  void mark_shown(int64_t id);

 private:
  Store store_;
};

/// What somebody asked for that takes a commit, until it is in force. Another member's commit may
/// come first: then it is tried anew.
struct Intent {
  int64_t id = 0;
  GroupRef group = no_group;
  std::vector<Bytes> add;     // KeyPackages
  std::vector<Bytes> remove;  // identity keys
  std::optional<Bytes> name;
  bool leave = false;   // nothing else then; without any of these, fresh keys
  bool rejoin = false;  // who is added asked to come back, and is removed by the same commit
  uint32_t attempts = 0;
  static auto wire(auto& m) {
    return std::tie(m.add, m.remove, m.name, m.leave, m.rejoin, m.attempts);
  }
};

class Intents {
 public:
  explicit Intents(Store store) : store_(store) {}
  void add(Intent& intent);  // gives it its id
  void update(const Intent& intent);
  std::vector<Intent> of(GroupRef group) const;  // oldest first
  void remove(int64_t id);

 private:
  void write(const Intent& intent);
  Store store_;
};

/// What must still reach a group's log. It stays until it was read back from there.
struct Append {
  enum class Kind : uint8_t { create = 1, message = 2, leave = 3, commit = 4 };
  int64_t id = 0;
  GroupRef group = no_group;
  Kind kind = Kind::message;
  uint64_t epoch = 0;
  MessageId message_id{};
  Secret token;  // of that epoch
  Bytes payload;
  Secret content;         // of a message, for the history
  Bytes next_token_hash;  // of a commit, and the following too
  Bytes welcome;
  std::vector<Bytes> added;  // identity keys
  uint64_t intent = 0;
  static auto wire(auto& m) {
    return std::tie(m.kind, m.epoch, m.message_id, m.token, m.payload, m.content, m.next_token_hash,
                    m.welcome, m.added, m.intent);
  }
};

class Appends {
 public:
  explicit Appends(Store store) : store_(store) {}
  void add(Append& append);                      // gives it its id
  std::vector<Append> of(GroupRef group) const;  // oldest first
  void remove(int64_t id);

 private:
  Store store_;
};

/// An inbox, and what delivers into it.
struct Recipient {
  Bytes identity_key;
  Bytes token;  // 32 bytes; empty where none is known
};

struct Delivery {
  int64_t id = 0;
  Recipient recipient;
  MessageId message_id{};
};

/// What must still reach inboxes. A payload is stored once, however many it is for.
class Outbox {
 public:
  explicit Outbox(Store store) : store_(store) {}
  void add(View payload, const std::vector<Recipient>& recipients, Random& random);
  /// The payloads that wait, oldest first.
  std::vector<int64_t> waiting() const;
  Secret payload(int64_t outgoing) const;
  std::vector<Delivery> deliveries(int64_t outgoing) const;
  /// A payload without deliveries is removed with its last one.
  void remove(const Delivery& delivery);

 private:
  Store store_;
};

/// How far the inbox at each server was read, and what was in it.
class Inbox {
 public:
  explicit Inbox(Store store) : store_(store) {}
  /// `server`: its static key, since numbering begins anew with another server.
  uint64_t cursor(View server) const;
  void set_cursor(View server, uint64_t sequence);
  /// Whether the payload was remembered: the server may hand it out again under another number.
  bool knows(View payload) const;
  void remember(View payload);

 private:
  Store store_;
};

/// The static keys by which we know servers.
class Pins {
 public:
  explicit Pins(Store store) : store_(store) {}
  std::optional<Bytes> get(std::string_view address) const;
  void put(std::string_view address, View pin);  // pinning.h says of what

 private:
  Store store_;
};

}  // namespace qnpc::client
