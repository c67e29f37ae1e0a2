#include "server/store/retention.h"

#include <map>

#include "server/limits.h"
#include "server/store/sql.h"

namespace qnpc::server {
namespace {

int64_t to_integer(std::chrono::sys_seconds time) { return time.time_since_epoch().count(); }

}  // namespace

std::string retention_schema(const std::string& name) {
  return named(name, R"(
    CREATE TABLE $_mark(time INTEGER NOT NULL, through INTEGER NOT NULL) STRICT;)");
}

Retention::Retention(Database& database, const std::string& name, std::chrono::seconds keep)
    : keep_(keep),
      clamp_marks_(database.prepare(named(name, "UPDATE $_mark SET time = ?1 WHERE time > ?1"))),
      newest_mark_(database.prepare(named(name, "SELECT max(time) FROM $_mark HAVING count(*)"))),
      insert_mark_(database.prepare(named(name, R"(
        INSERT INTO $_mark(time, through) SELECT ?1, ifnull(max(sequence), 0) FROM $_entry)"))),
      due_through_(database.prepare(
          named(name, "SELECT ifnull(max(through), 0) FROM $_mark WHERE time <= ?1"))),
      delete_marks_(database.prepare(named(name, "DELETE FROM $_mark WHERE time <= ?1"))),
      select_oldest_(database.prepare(named(name, R"(
        SELECT sequence, owner, length(blob) FROM $_entry WHERE sequence <= ?1
        ORDER BY sequence LIMIT ?2)"))),
      delete_through_(database.prepare(named(name, "DELETE FROM $_entry WHERE sequence <= ?1"))),
      update_owner_(database.prepare(named(name, R"(
        UPDATE $_owner SET entries = entries - ?2, bytes = bytes - ?3, expired_through = ?4
        WHERE id = ?1)"))) {}

bool Retention::remove_due(std::chrono::sys_seconds now) {
  struct Removed {
    int64_t entries = 0;
    int64_t bytes = 0;
    int64_t last = 0;
  };
  std::map<int64_t, Removed> owners;
  const uint64_t through = due_through(now);
  int64_t last = 0;
  size_t entries = 0;
  size_t bytes = 0;
  {
    Rows rows = select_oldest_.query(server::to_integer(through),
                                     static_cast<int64_t>(limits::expire_entries));
    while (bytes < limits::expire_bytes && rows.next()) {
      last = rows.integer(0);
      Removed& removed = owners[rows.integer(1)];
      removed.last = last;
      removed.entries += 1;
      removed.bytes += rows.integer(2);
      bytes += static_cast<size_t>(rows.integer(2));
      ++entries;
    }
  }
  if (entries == 0) {
    delete_marks_.run(to_integer(now - keep_));
    return false;
  }
  delete_through_.run(last);
  for (const auto& [owner, removed] : owners) {
    update_owner_.run(owner, removed.entries, removed.bytes, removed.last);
  }
  return entries == limits::expire_entries || bytes >= limits::expire_bytes;
}

/// Makes a mark where it is time for one. Returns the number up to which all is past its time.
uint64_t Retention::due_through(std::chrono::sys_seconds now) {
  clamp_marks_.run(to_integer(now));
  bool is_time = true;
  {
    Rows rows = newest_mark_.query();
    if (rows.next()) is_time = rows.integer(0) <= to_integer(now - limits::retention_mark);
  }
  if (is_time) insert_mark_.run(to_integer(now));
  Rows rows = due_through_.query(to_integer(now - keep_));
  rows.next();
  return static_cast<uint64_t>(rows.integer(0));
}

}  // namespace qnpc::server
