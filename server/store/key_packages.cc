#include "server/store/key_packages.h"

#include "server/limits.h"
#include "server/store/database_file.h"
#include "server/store/sql.h"

namespace qnpc::server {
namespace {

int64_t seconds(std::chrono::sys_seconds time) { return time.time_since_epoch().count(); }

}  // namespace

std::string key_packages_schema() {
  return R"(
    CREATE TABLE key_package_kind(
      sequence INTEGER PRIMARY KEY, owner INTEGER NOT NULL, suite INTEGER NOT NULL,
      is_last_resort INTEGER NOT NULL, uploaded INTEGER NOT NULL) STRICT;
    CREATE INDEX key_package_kind_by_owner ON key_package_kind(owner, suite, is_last_resort);
    CREATE INDEX key_package_kind_by_age ON key_package_kind(uploaded);)";
}

// When they came was not noted: they count as new. Then the last resorts join the others.
std::string key_packages_from_version_4() {
  return R"(
    INSERT INTO key_package_kind SELECT sequence, owner, 1, 0, unixepoch() FROM key_package_entry;
    INSERT OR IGNORE INTO key_package_owner(key, entries, bytes, ids)
      SELECT key, 0, 0, 0 FROM account WHERE last_resort IS NOT NULL;
    UPDATE key_package_owner AS o SET entries = entries + 1, bytes = bytes + length(last_resort)
      FROM account AS a WHERE a.key = o.key AND last_resort IS NOT NULL;
    INSERT INTO key_package_entry(owner, blob)
      SELECT o.id, last_resort FROM account AS a JOIN key_package_owner AS o USING(key)
      WHERE last_resort IS NOT NULL;
    INSERT INTO key_package_kind SELECT sequence, owner, 1, 1, unixepoch() FROM key_package_entry
      WHERE sequence NOT IN (SELECT sequence FROM key_package_kind);
    ALTER TABLE account DROP COLUMN last_resort;)";
}

KeyPackagesReader::KeyPackagesReader(Database& database)
    : count_(database.prepare(R"(
        SELECT ifnull(sum(is_last_resort = 0), 0), ifnull(sum(is_last_resort), 0)
        FROM key_package_owner AS o JOIN key_package_kind ON owner = o.id
        WHERE key = ?1 AND suite = ?2)")) {}

KeyPackageStock KeyPackagesReader::stock(const OwnerKey& identity, CipherSuite suite) {
  Rows rows = count_.query(View(identity), int64_t{suite});
  rows.next();
  return {static_cast<uint64_t>(rows.integer(0)), rows.integer(1) != 0};
}

KeyPackages::KeyPackages(Database& database, const FifoLimits& limits, std::chrono::seconds keep,
                         const DatabaseSize& size)
    : keep_(keep),
      queue_(database, key_package_queue, limits, {Limit::key_packages, Limit::key_packages}, size),
      insert_kind_(database.prepare(R"(
        INSERT INTO key_package_kind SELECT sequence, owner, ?2, ?3, ?4
        FROM key_package_entry WHERE sequence = ?1)")),
      select_first_(database.prepare(R"(
        SELECT k.sequence, k.owner, is_last_resort, blob
        FROM key_package_owner AS o JOIN key_package_kind AS k ON k.owner = o.id
             JOIN key_package_entry AS e ON e.sequence = k.sequence
        WHERE key = ?1 AND suite = ?2 AND uploaded > ?3
        ORDER BY is_last_resort, k.sequence LIMIT 1)")),
      select_last_resort_(database.prepare(R"(
        SELECT blob
        FROM key_package_owner AS o JOIN key_package_kind AS k ON k.owner = o.id
             JOIN key_package_entry AS e ON e.sequence = k.sequence
        WHERE key = ?1 AND suite = ?2 AND is_last_resort = 1 AND uploaded > ?3)")),
      select_of_kind_(database.prepare(R"(
        SELECT k.sequence, k.owner, length(blob)
        FROM key_package_owner AS o JOIN key_package_kind AS k ON k.owner = o.id
             JOIN key_package_entry AS e ON e.sequence = k.sequence
        WHERE key = ?1 AND suite = ?2 AND is_last_resort = ?3)")),
      clamp_times_(
          database.prepare("UPDATE key_package_kind SET uploaded = ?1 WHERE uploaded > ?1")),
      select_due_(database.prepare(R"(
        SELECT k.sequence, k.owner, length(blob)
        FROM key_package_kind AS k JOIN key_package_entry AS e ON e.sequence = k.sequence
        WHERE uploaded <= ?1 LIMIT ?2)")),
      delete_entry_(database.prepare("DELETE FROM key_package_entry WHERE sequence = ?1")),
      delete_kind_(database.prepare("DELETE FROM key_package_kind WHERE sequence = ?1")),
      update_owner_(database.prepare(R"(
        UPDATE key_package_owner SET entries = entries - 1, bytes = bytes - ?2 WHERE id = ?1)")) {}

Put KeyPackages::put(const OwnerKey& identity, CipherSuite suite, const Fingerprint& fingerprint,
                     View package, std::chrono::sys_seconds now) {
  std::optional<uint64_t> sequence = queue_.put(identity, fingerprint, package);
  if (!sequence) return Put::duplicate;
  insert_kind_.run(to_integer(*sequence), int64_t{suite}, static_cast<int64_t>(Kind::single_use),
                   seconds(now));
  return Put::stored;
}

void KeyPackages::put_last_resort(const OwnerKey& identity, CipherSuite suite, View package,
                                  std::chrono::sys_seconds now) {
  const std::vector<Held> before = all_of(identity, suite, Kind::last_resort);
  std::optional<uint64_t> sequence = queue_.put(identity, {}, package);
  insert_kind_.run(to_integer(*sequence), int64_t{suite}, static_cast<int64_t>(Kind::last_resort),
                   seconds(now));
  for (const Held& held : before) remove(held);
}

std::optional<Bytes> KeyPackages::take(const OwnerKey& identity, CipherSuite suite,
                                       std::chrono::sys_seconds now) {
  Bytes package;
  Held taken{};
  {
    Rows rows = select_first_.query(View(identity), int64_t{suite}, seconds(now - keep_));
    if (!rows.next()) return std::nullopt;
    package = rows.blob(3);
    if (rows.integer(2) == static_cast<int64_t>(Kind::last_resort)) return package;
    taken = {rows.integer(0), rows.integer(1), static_cast<int64_t>(package.size())};
  }
  remove(taken);
  return package;
}

std::optional<Bytes> KeyPackages::last_resort(const OwnerKey& identity, CipherSuite suite,
                                              std::chrono::sys_seconds now) {
  Rows rows = select_last_resort_.query(View(identity), int64_t{suite}, seconds(now - keep_));
  if (!rows.next()) return std::nullopt;
  return rows.blob(0);
}

void KeyPackages::drop(const OwnerKey& identity, CipherSuite suite) {
  for (const Held& held : all_of(identity, suite, Kind::single_use)) remove(held);
}

// The clock may have been ahead: what came then came now at the latest.
bool KeyPackages::remove_due(std::chrono::sys_seconds now) {
  clamp_times_.run(seconds(now));
  const std::vector<Held> due =
      all(select_due_.query(seconds(now - keep_), static_cast<int64_t>(limits::expire_entries)));
  for (const Held& held : due) remove(held);
  return due.size() == limits::expire_entries;
}

std::vector<KeyPackages::Held> KeyPackages::all(Rows rows) {
  std::vector<Held> out;
  while (rows.next()) out.push_back({rows.integer(0), rows.integer(1), rows.integer(2)});
  return out;
}

std::vector<KeyPackages::Held> KeyPackages::all_of(const OwnerKey& identity, CipherSuite suite,
                                                   Kind kind) {
  return all(select_of_kind_.query(View(identity), int64_t{suite}, static_cast<int64_t>(kind)));
}

void KeyPackages::remove(const Held& held) {
  delete_entry_.run(held.sequence);
  delete_kind_.run(held.sequence);
  update_owner_.run(held.owner, held.bytes);
}

}  // namespace qnpc::server
