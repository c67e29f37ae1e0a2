#include "server/store/database_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "server/limits.h"
#include "server/store/accounts.h"
#include "server/store/fifo.h"
#include "server/store/group_log.h"
#include "server/store/key_packages.h"
#include "server/store/retention.h"

namespace qnpc::server {
namespace {

namespace fs = std::filesystem;

constexpr int64_t application_id = 0x716e7063;  // "qnpc": tells our files from other SQLite files
constexpr int64_t schema_version = 6;

void sync_directory(const fs::path& directory) {
  int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool synced = descriptor >= 0 && fsync(descriptor) == 0;
  int error = errno;
  if (descriptor >= 0) close(descriptor);
  if (!synced)
    throw Error(Reason::io, "cannot sync " + directory.string() + ": " + strerror(error));
}

/// What came with version 2: logs, and retention.
std::string logs_and_retention() {
  return group_log_schema() + retention_schema(inbox_queue) + retention_schema(log_queue);
}

/// What came with version 4: those who were removed are known, and uses of invitations counted.
std::string standing_and_uses() {
  return R"(
    ALTER TABLE account RENAME COLUMN admitted TO standing;
    ALTER TABLE invitation ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
    UPDATE invitation SET used =
      (SELECT count(*) FROM invitation_use WHERE invitation_use.token = invitation.token);)";
}

std::string set_version() {
  return "PRAGMA user_version = " + std::to_string(schema_version) + ";";
}

/// Made whole under another name and then renamed: a database under its own name is complete.
void create_database(const fs::path& path) {
  fs::path unfinished = path.string() + ".new";
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    fs::remove(unfinished.string() + suffix);
  }
  {
    Database database(unfinished.string(), Database::Mode::create);
    database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN;" +
                     fifo_schema(key_package_queue) + fifo_schema(inbox_queue) +
                     logs_and_retention() + accounts_schema() + key_packages_schema() +
                     "CREATE TABLE health(checks INTEGER NOT NULL) STRICT;"
                     "INSERT INTO health VALUES(0);"
                     "PRAGMA application_id = " +
                     std::to_string(application_id) + ";" + set_version() + "COMMIT;");
  }
  fs::permissions(unfinished, fs::perms::owner_read | fs::perms::owner_write);
  fs::rename(unfinished, path);
  sync_directory(path.parent_path());
}

/// Reads only, so that what is refused stays as it is for those who want to rescue something.
void inspect_database(const fs::path& path) {
  Database database(path.string(), Database::Mode::read_only);
  if (database.integer("PRAGMA application_id") != application_id) {
    throw Error(Reason::corrupt, "it is the database of another program");
  }
  int64_t version = database.integer("PRAGMA user_version");
  if (version < 1 || version > schema_version) {
    throw Error(Reason::corrupt,
                "it has version " + std::to_string(version) + ", this server knows versions 1 to " +
                    std::to_string(schema_version) + ": it was written by another release");
  }
  if (fs::file_size(path) > limits::full_check_bytes) return;
  Statement check = database.prepare("PRAGMA quick_check(1)");
  Rows rows = check.query();
  if (!rows.next() || rows.text(0) != "ok") {
    throw Error(Reason::corrupt, "it is damaged: " + rows.text(0));
  }
}

/// In one transaction: there is a whole database of one version at any moment.
void upgrade(Database& database) {
  const int64_t version = database.integer("PRAGMA user_version");
  if (version == schema_version) return;
  std::string sql = "BEGIN IMMEDIATE;";
  if (version < 2) {
    for (const char* queue : {key_package_queue, inbox_queue}) {
      sql += "ALTER TABLE " + std::string(queue) +
             "_owner ADD COLUMN expired_through INTEGER NOT NULL DEFAULT 0;";
    }
    sql += logs_and_retention();
  }
  if (version == 3) sql += standing_and_uses();
  if (version < 3) {
    // As version 4 had it, so that there is one way from there.
    sql += accounts_schema() + "ALTER TABLE account ADD COLUMN last_resort BLOB;";
  }
  if (version >= 3) {  // with version 6 came how many logs each has made: from then on
    sql += "ALTER TABLE account ADD COLUMN logs INTEGER NOT NULL DEFAULT 0;";
  }
  if (version < 5) sql += key_packages_schema() + key_packages_from_version_4();
  database.execute(sql + set_version() + "COMMIT;");
}

}  // namespace

void prepare_database(const std::string& path) {
  try {
    if (!fs::exists(path)) return create_database(path);
  } catch (const std::exception& error) {
    throw Error(Reason::io, "cannot create the database " + path + ": " + error.what() +
                                ". Make room or give the directory to this user, or choose "
                                "another with --data-dir.");
  }
  try {
    inspect_database(path);
  } catch (const std::exception& error) {
    throw Error(Reason::corrupt, "cannot use the database " + path + ": " + error.what() +
                                     ". Nothing was changed. Put a backup in its place, or move it "
                                     "away to start with an empty one.");
  }
}

Database open_writer(const std::string& path) {
  Database database(path, Database::Mode::read_write);
  // SQLite falls back to reading where it may not write, and would fail at the first request.
  if (sqlite3_db_readonly(database.handle(), "main") != 0) {
    throw Error(Reason::io, "cannot write the database " + path + ". Give it to this user.");
  }
  // secure_delete FAST overwrites what was removed where that costs no write of its own.
  database.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
      "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST;"
      "PRAGMA cache_size = -" +
      std::to_string(limits::writer_cache_bytes >> 10) + ";");
  upgrade(database);
  return database;
}

Database open_reader(const std::string& path) {
  Database database(path, Database::Mode::read_only);
  database.execute("PRAGMA temp_store = MEMORY;");
  return database;
}

}  // namespace qnpc::server
