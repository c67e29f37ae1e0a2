#include "server/store/database.h"

#include "server/limits.h"

namespace qnpc::server {
namespace {

Reason reason_of(int extended_code) {
  // A full disk shows as this one, where the log's index has to grow. That comes after a commit is
  // written: it can be found there by whoever opens the database after a crash.
  if (extended_code == SQLITE_IOERR_SHMSIZE) return Reason::unknown;
  switch (extended_code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Reason::overloaded;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Reason::corrupt;
    default: return Reason::io;
  }
}

[[noreturn]] void fail(sqlite3* database) {
  int code = sqlite3_extended_errcode(database);
  std::string text =
      std::string(sqlite3_errmsg(database)) + " (SQLite code " + std::to_string(code) + ")";
  throw Error(reason_of(code), text);
}

void check(int code, sqlite3* database) {
  if (code != SQLITE_OK) fail(database);
}

}  // namespace

bool Rows::next() {
  int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(sqlite3_db_handle(statement_));
  return false;
}

size_t Rows::blob_size(int column) const {
  return static_cast<size_t>(sqlite3_column_bytes(statement_, column));
}

Bytes Rows::blob(int column) const {
  auto data = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
  return Bytes(data, data + blob_size(column));
}

std::string Rows::text(int column) const { return to_text(blob(column)); }

Statement::Statement(sqlite3* database, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  check(
      sqlite3_prepare_v3(database, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr),
      database);
  statement_.reset(statement);
}

void Statement::bind(int index, int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), index, value), sqlite3_db_handle(statement_.get()));
}

void Statement::bind(int index, View value) {
  // A null pointer would bind NULL: an empty blob needs an address.
  const void* data = value.empty() ? "" : static_cast<const void*>(value.data());
  check(sqlite3_bind_blob64(statement_.get(), index, data, value.size(), SQLITE_STATIC),
        sqlite3_db_handle(statement_.get()));
}

Database::Database(const std::string& path, Mode mode) {
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;  // one thread at a time has it
  switch (mode) {
    case Mode::create: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE; break;
    case Mode::read_write: flags |= SQLITE_OPEN_READWRITE; break;
    case Mode::read_only: flags |= SQLITE_OPEN_READONLY; break;
  }
  // Nobody asks for SQLite's statistics of its memory; keeping them locks a mutex for each block.
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(configured);
  sqlite3* database = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
  database_.reset(database);  // also after a failure, says SQLite
  if (!database) throw Error(Reason::io, "SQLite has no memory to open a database");
  check(code, database);
  check(sqlite3_busy_timeout(database, static_cast<int>(limits::database_busy.count())), database);
}

void Database::execute(const std::string& sql) {
  check(sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr), handle());
}

int64_t Database::integer(const std::string& sql) {
  Statement statement = prepare(sql);
  Rows rows = statement.query();
  if (!rows.next()) throw Error(Reason::corrupt, "no row for: " + sql);
  return rows.integer(0);
}

void Database::checkpoint() {
  check(sqlite3_wal_checkpoint_v2(handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr),
        handle());
}

}  // namespace qnpc::server
