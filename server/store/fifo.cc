#include "server/store/fifo.h"

#include "server/store/sql.h"

namespace qnpc::server {
std::string fifo_schema(const std::string& name) {
  // The owner's small integer stands for its key in the other tables, which keeps their indexes
  // small. AUTOINCREMENT, or a sequence number would be given again after its row was removed.
  return named(name, R"(
    CREATE TABLE $_owner(
      id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,
      entries INTEGER NOT NULL, bytes INTEGER NOT NULL, ids INTEGER NOT NULL,
      expired_through INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE $_entry(
      sequence INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER NOT NULL,
      blob BLOB NOT NULL) STRICT;
    CREATE INDEX $_entry_by_owner ON $_entry(owner);
    CREATE TABLE $_remembered(
      owner INTEGER NOT NULL, generation INTEGER NOT NULL, id BLOB NOT NULL,
      PRIMARY KEY(owner, generation, id)) STRICT, WITHOUT ROWID;)");
}

FifoReader::FifoReader(Database& database, const std::string& name)
    : select_(database.prepare(named(name, R"(
        SELECT expired_through, sequence, blob
        FROM $_owner LEFT JOIN $_entry ON owner = id AND sequence > ?2
        WHERE key = ?1 ORDER BY sequence LIMIT ?3)"))) {}

Page FifoReader::read(const OwnerKey& key, uint64_t after, uint64_t entries, size_t bytes) {
  Page page;
  size_t sum = 0;
  Rows rows = select_.query(View(key), to_integer(after), to_integer(entries + 1));
  while (rows.next()) {
    page.expired_through = static_cast<uint64_t>(rows.integer(0));
    if (rows.integer(1) == 0) break;  // no entry beside the owner
    sum += rows.blob_size(2);
    page.more = page.entries.size() == entries || (sum > bytes && !page.entries.empty());
    if (page.more) break;
    page.entries.push_back(
        {.sequence = static_cast<uint64_t>(rows.integer(1)), .payload = rows.blob(2)});
  }
  return page;
}

Fifo::Fifo(Database& database, const std::string& name, const FifoLimits& limits,
           const FifoQuotas& quotas, const DatabaseSize& size)
    : limits_(limits),
      quotas_(quotas),
      size_(size),
      reader_(database, name),
      select_owner_(database.prepare(
          named(name, "SELECT id, entries, bytes, ids FROM $_owner WHERE key = ?1"))),
      insert_owner_(database.prepare(named(name, R"(
        INSERT INTO $_owner(key, entries, bytes, ids) VALUES(?1, 0, 0, 0) RETURNING id)"))),
      update_owner_(database.prepare(
          named(name, "UPDATE $_owner SET entries = ?2, bytes = ?3, ids = ?4 WHERE id = ?1"))),
      insert_(database.prepare(
          named(name, "INSERT INTO $_entry(owner, blob) VALUES(?1, ?2) RETURNING sequence"))),
      sum_through_(database.prepare(named(name, R"(
        SELECT count(*), ifnull(sum(length(blob)), 0) FROM $_entry
        WHERE owner = ?1 AND sequence <= ?2)"))),
      delete_through_(
          database.prepare(named(name, "DELETE FROM $_entry WHERE owner = ?1 AND sequence <= ?2"))),
      is_remembered_(database.prepare(named(name, R"(
        SELECT 1 FROM $_remembered
        WHERE owner = ?1 AND generation IN (?2, ?2 - 1) AND id = ?3)"))),
      remember_(database.prepare(
          named(name, "INSERT INTO $_remembered(owner, generation, id) VALUES(?1, ?2, ?3)"))),
      forget_before_(database.prepare(
          named(name, "DELETE FROM $_remembered WHERE owner = ?1 AND generation < ?2"))) {}

std::optional<Fifo::Owner> Fifo::find_owner(const OwnerKey& key) {
  Rows rows = select_owner_.query(View(key));
  if (!rows.next()) return std::nullopt;
  auto count = [&](int column) { return static_cast<uint64_t>(rows.integer(column)); };
  return Owner{rows.integer(0), count(1), count(2), count(3)};
}

std::optional<uint64_t> Fifo::put(const OwnerKey& key, View id, View blob) {
  std::optional<Owner> found = find_owner(key);
  if (found && !id.empty() && is_remembered(*found, id)) return std::nullopt;
  Owner owner = found.value_or(Owner{});
  const bool is_full = owner.entries + 1 > limits_.entries;
  if (is_full || owner.bytes + blob.size() > limits_.bytes) {
    throw OverQuota(is_full ? quotas_.entries : quotas_.bytes,
                    "the queue of this key is full (" + std::to_string(owner.entries) +
                        " entries, " + std::to_string(owner.bytes) + " bytes)");
  }
  size_.require_room();
  if (!found) {
    Rows rows = insert_owner_.query(View(key));
    rows.next();
    owner.id = rows.integer(0);
  }
  uint64_t sequence = 0;
  {
    Rows rows = insert_.query(owner.id, blob);
    rows.next();
    sequence = static_cast<uint64_t>(rows.integer(0));
  }
  if (!id.empty()) remember(owner, id);
  update_owner_.run(owner.id, to_integer(owner.entries + 1), to_integer(owner.bytes + blob.size()),
                    to_integer(owner.ids));
  return sequence;
}

bool Fifo::is_remembered(const Owner& owner, View id) {
  return is_remembered_.query(owner.id, generation(owner), id).next();
}

/// Ids go by generations of which the last two are kept: nothing has to be sorted by age.
void Fifo::remember(Owner& owner, View id) {
  remember_.run(owner.id, generation(owner), id);
  ++owner.ids;
  if (owner.ids % limits_.remembered == 0) forget_before_.run(owner.id, generation(owner) - 1);
}

int64_t Fifo::generation(const Owner& owner) const {
  return to_integer(owner.ids / limits_.remembered);
}

std::vector<Bytes> Fifo::take(const OwnerKey& key, uint64_t entries, size_t bytes) {
  Page page = reader_.read(key, 0, entries, bytes);
  if (page.entries.empty()) return {};
  remove_through(key, page.entries.back().sequence);
  std::vector<Bytes> blobs;
  blobs.reserve(page.entries.size());
  for (Entry& entry : page.entries) blobs.push_back(std::move(entry.payload));
  return blobs;
}

uint64_t Fifo::remove_through(const OwnerKey& key, uint64_t through) {
  std::optional<Owner> owner = find_owner(key);
  if (!owner) return 0;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  {
    Rows rows = sum_through_.query(owner->id, to_integer(through));
    rows.next();
    entries = static_cast<uint64_t>(rows.integer(0));
    bytes = static_cast<uint64_t>(rows.integer(1));
  }
  if (entries == 0) return 0;
  delete_through_.run(owner->id, to_integer(through));
  update_owner_.run(owner->id, to_integer(owner->entries - entries),
                    to_integer(owner->bytes - bytes), to_integer(owner->ids));
  return entries;
}

}  // namespace qnpc::server
