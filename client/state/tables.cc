#include "client/state/tables.h"

#include <algorithm>

#include "client/limits.h"

namespace qnpc::client {
namespace {

// What stands behind every name that begins so: names are of ASCII that is printable.
std::string end_of(std::string_view prefix) { return std::string(prefix) + '\x7f'; }

std::string row_of(int64_t a, int64_t b) { return std::to_string(a) + "/" + std::to_string(b); }

struct GroupValue {
  Group group;
  Bytes alias;
  static auto wire(auto& m) { return std::tie(m.group, m.alias); }
};

struct HistoryValue {
  HistoryEntry::Kind kind = HistoryEntry::Kind::received;
  Bytes sender;
  uint64_t time_ms = 0;
  Secret content;
  static auto wire(auto& m) { return std::tie(m.kind, m.sender, m.time_ms, m.content); }
};

struct DeliveryValue {
  Bytes recipient;
  MessageId message_id{};
  Bytes token;
  static auto wire(auto& m) { return std::tie(m.recipient, m.message_id, m.token); }
};

struct CursorValue {
  uint64_t sequence = 0;
  static auto wire(auto& m) { return std::tie(m.sequence); }
};

}  // namespace

int64_t next_id(Database& database, std::string_view table) {
  Query q = database.query("SELECT seq FROM sqlite_sequence WHERE name = ?", table);
  return q.next() ? q.integer(0) + 1 : 1;
}

// --- Records ---

std::optional<Secret> Records::get(std::string_view name) const {
  Query q =
      store_.database.query("SELECT value FROM records WHERE scope = ? AND name = ?", scope_, name);
  if (!q.next()) return std::nullopt;
  std::string row = std::to_string(scope_) + "/" + std::string(name);
  return store_.vault.open({"records", "value", row}, q.blob(0));
}

std::vector<std::string> Records::names(std::string_view prefix) const {
  const std::string end = end_of(prefix);
  Query q = store_.database.query(
      "SELECT name FROM records WHERE scope = ? AND name >= ? AND name < ? ORDER BY name", scope_,
      prefix, std::string_view(end));
  std::vector<std::string> out;
  while (q.next()) out.push_back(q.text(0));
  return out;
}

void Records::put(std::string_view name, const Secret& value) {
  std::string row = std::to_string(scope_) + "/" + std::string(name);
  Bytes sealed = store_.vault.seal({"records", "value", row}, value.reveal());
  store_.database.run("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", scope_, name,
                      View(sealed));
}

void Records::erase(std::string_view name) {
  store_.database.run("DELETE FROM records WHERE scope = ? AND name = ?", scope_, name);
}

void Records::erase_all(std::string_view prefix) {
  const std::string end = end_of(prefix);
  store_.database.run("DELETE FROM records WHERE scope = ? AND name >= ? AND name < ?", scope_,
                      prefix, std::string_view(end));
}

// --- Meta ---

std::optional<Secret> Meta::get(std::string_view name) const {
  Query q = store_.database.query("SELECT value FROM meta WHERE name = ?", name);
  if (!q.next()) return std::nullopt;
  return store_.vault.open({"meta", "value", name}, q.blob(0));
}

void Meta::put(std::string_view name, View value) {
  Bytes sealed = store_.vault.seal({"meta", "value", name}, value);
  store_.database.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, View(sealed));
}

void Meta::erase(std::string_view name) {
  store_.database.run("DELETE FROM meta WHERE name = ?", name);
}

// --- Groups ---

std::vector<Group> Groups::list() const {
  std::vector<Group> out;
  Query q = store_.database.query("SELECT id, value FROM groups ORDER BY id");
  while (q.next()) {
    GroupRef ref = q.integer(0);
    auto value =
        open_struct<GroupValue>(store_.vault, {"groups", "value", std::to_string(ref)}, q.blob(1));
    value.group.ref = ref;
    value.group.alias = to_text(value.alias);
    out.push_back(std::move(value.group));
  }
  return out;
}

std::optional<Group> Groups::find(GroupRef ref) const {
  for (Group& group : list()) {
    if (group.ref == ref) return std::move(group);
  }
  return std::nullopt;
}

std::optional<Group> Groups::with_alias(std::string_view alias) const {
  for (Group& group : list()) {
    if (group.alias == alias) return std::move(group);
  }
  return std::nullopt;
}

std::optional<Group> Groups::with_mls_id(View mls_id) const {
  for (Group& group : list()) {
    if (equal(group.mls_id, mls_id)) return std::move(group);
  }
  return std::nullopt;
}

std::string Groups::free_alias(std::string_view wanted) const {
  std::string alias(wanted);
  for (int suffix = 2; with_alias(alias); ++suffix) {
    alias = std::string(wanted) + "-" + std::to_string(suffix);
  }
  return alias;
}

Group Groups::add(View mls_id, std::string_view alias, bool accepted) {
  Group group;
  group.ref = next_id(store_.database, "groups");
  group.mls_id = to_bytes(mls_id);
  group.alias = free_alias(alias);
  group.accepted = accepted;
  write(group);
  return group;
}

void Groups::update(const Group& group) { write(group); }

void Groups::write(const Group& group) {
  GroupValue value{group, to_bytes(group.alias)};
  Bytes sealed = seal_struct(store_.vault, {"groups", "value", std::to_string(group.ref)}, value);
  store_.database.run("INSERT OR REPLACE INTO groups VALUES (?, ?)", group.ref, View(sealed));
}

// --- History ---

void History::append(const HistoryEntry& entry) {
  int64_t id = next_id(store_.database, "history");
  HistoryValue value{entry.kind, entry.sender, entry.time_ms, entry.content.clone()};
  Bytes sealed = seal_struct(store_.vault, {"history", "value", row_of(id, entry.group)}, value);
  store_.database.run("INSERT INTO history VALUES (?, ?, ?, ?)", id, entry.group,
                      int64_t{entry.shown}, View(sealed));
}

void History::each(bool unshown_only, std::optional<GroupRef> group,
                   const std::function<void(const HistoryEntry&)>& use) const {
  Query q = store_.database.query(
      unshown_only ? "SELECT id, group_id, shown, value FROM history WHERE shown = 0 ORDER BY id"
                   : "SELECT id, group_id, shown, value FROM history ORDER BY id");
  while (q.next()) {
    HistoryEntry entry;
    entry.id = q.integer(0);
    entry.group = q.integer(1);
    entry.shown = q.integer(2) != 0;
    if (group && entry.group != *group) continue;
    auto value = open_struct<HistoryValue>(
        store_.vault, {"history", "value", row_of(entry.id, entry.group)}, q.blob(3));
    entry.kind = value.kind;
    entry.sender = std::move(value.sender);
    entry.time_ms = value.time_ms;
    entry.content = std::move(value.content);
    use(entry);
  }
}

void History::mark_shown(int64_t id) {
  store_.database.run("UPDATE history SET shown = 1 WHERE id = ?", id);
}

// --- Intents ---

void Intents::add(Intent& intent) {
  intent.id = next_id(store_.database, "intents");
  update(intent);
}

void Intents::update(const Intent& intent) {
  Bytes sealed =
      seal_struct(store_.vault, {"intents", "value", row_of(intent.id, intent.group)}, intent);
  store_.database.run("INSERT OR REPLACE INTO intents VALUES (?, ?, ?)", intent.id, intent.group,
                      View(sealed));
}

std::vector<Intent> Intents::of(GroupRef group) const {
  std::vector<Intent> out;
  Query q =
      store_.database.query("SELECT id, value FROM intents WHERE group_id = ? ORDER BY id", group);
  while (q.next()) {
    int64_t id = q.integer(0);
    out.push_back(
        open_struct<Intent>(store_.vault, {"intents", "value", row_of(id, group)}, q.blob(1)));
    out.back().id = id;
    out.back().group = group;
  }
  return out;
}

void Intents::remove(int64_t id) { store_.database.run("DELETE FROM intents WHERE id = ?", id); }

// --- Appends ---

void Appends::add(Append& append) {
  append.id = next_id(store_.database, "appends");
  Bytes sealed =
      seal_struct(store_.vault, {"appends", "value", row_of(append.id, append.group)}, append);
  store_.database.run("INSERT INTO appends VALUES (?, ?, ?)", append.id, append.group,
                      View(sealed));
}

std::vector<Append> Appends::of(GroupRef group) const {
  std::vector<Append> out;
  Query q =
      store_.database.query("SELECT id, value FROM appends WHERE group_id = ? ORDER BY id", group);
  while (q.next()) {
    int64_t id = q.integer(0);
    out.push_back(
        open_struct<Append>(store_.vault, {"appends", "value", row_of(id, group)}, q.blob(1)));
    out.back().id = id;
    out.back().group = group;
  }
  return out;
}

void Appends::remove(int64_t id) { store_.database.run("DELETE FROM appends WHERE id = ?", id); }

// --- Outbox ---

void Outbox::add(View payload, const std::vector<Recipient>& recipients, Random& random) {
  if (recipients.empty()) return;
  int64_t outgoing = next_id(store_.database, "outgoing");
  Bytes sealed = store_.vault.seal({"outgoing", "payload", std::to_string(outgoing)}, payload);
  store_.database.run("INSERT INTO outgoing VALUES (?, ?)", outgoing, View(sealed));
  for (const Recipient& recipient : recipients) {
    int64_t id = next_id(store_.database, "deliveries");
    DeliveryValue value{recipient.identity_key, {}, recipient.token};
    random.fill(value.message_id);
    Bytes delivery =
        seal_struct(store_.vault, {"deliveries", "value", row_of(id, outgoing)}, value);
    store_.database.run("INSERT INTO deliveries VALUES (?, ?, ?)", id, outgoing, View(delivery));
  }
}

std::vector<int64_t> Outbox::waiting() const {
  std::vector<int64_t> out;
  Query q = store_.database.query("SELECT id FROM outgoing ORDER BY id");
  while (q.next()) out.push_back(q.integer(0));
  return out;
}

Secret Outbox::payload(int64_t outgoing) const {
  Query q = store_.database.query("SELECT payload FROM outgoing WHERE id = ?", outgoing);
  if (!q.next()) throw Error(Reason::internal, "the outbox has no such payload");
  return store_.vault.open({"outgoing", "payload", std::to_string(outgoing)}, q.blob(0));
}

std::vector<Delivery> Outbox::deliveries(int64_t outgoing) const {
  std::vector<Delivery> out;
  Query q = store_.database.query("SELECT id, value FROM deliveries WHERE outgoing = ? ORDER BY id",
                                  outgoing);
  while (q.next()) {
    int64_t id = q.integer(0);
    auto value = open_struct<DeliveryValue>(
        store_.vault, {"deliveries", "value", row_of(id, outgoing)}, q.blob(1));
    out.push_back({id, {std::move(value.recipient), std::move(value.token)}, value.message_id});
  }
  return out;
}

void Outbox::remove(const Delivery& delivery) {
  store_.database.run("DELETE FROM deliveries WHERE id = ?", delivery.id);
  store_.database.run("DELETE FROM outgoing WHERE id NOT IN (SELECT outgoing FROM deliveries)");
}

// --- Inbox ---

uint64_t Inbox::cursor(View server) const {
  Query q = store_.database.query("SELECT value FROM cursors WHERE server = ?", server);
  if (!q.next()) return 0;
  return open_struct<CursorValue>(store_.vault, {"cursors", "value", to_hex(server)}, q.blob(0))
      .sequence;
}

void Inbox::set_cursor(View server, uint64_t sequence) {
  Bytes sealed =
      seal_struct(store_.vault, {"cursors", "value", to_hex(server)}, CursorValue{sequence});
  store_.database.run("INSERT OR REPLACE INTO cursors VALUES (?, ?)", server, View(sealed));
}

bool Inbox::knows(View payload) const {
  Bytes digest = store_.vault.digest(payload);
  return store_.database.query("SELECT 1 FROM seen WHERE digest = ?", View(digest)).next();
}

void Inbox::remember(View payload) {
  Bytes digest = store_.vault.digest(payload);
  int64_t id = next_id(store_.database, "seen");
  store_.database.run("INSERT OR IGNORE INTO seen VALUES (?, ?)", id, View(digest));
  store_.database.run("DELETE FROM seen WHERE id <= ?", id - limits::remembered_payloads);
}

// --- Pins ---

std::optional<Bytes> Pins::get(std::string_view address) const {
  Query q = store_.database.query("SELECT value FROM pins WHERE address = ?", address);
  if (!q.next()) return std::nullopt;
  return to_bytes(store_.vault.open({"pins", "value", address}, q.blob(0)).reveal());
}

void Pins::put(std::string_view address, View pin) {
  Bytes sealed = store_.vault.seal({"pins", "value", address}, pin);
  store_.database.run("INSERT OR REPLACE INTO pins VALUES (?, ?)", address, View(sealed));
}

}  // namespace qnpc::client
