#include "client/state/sqlite.h"

namespace qnpc::client {
namespace {

Reason reason_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Reason::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Reason::unavailable;
    default: return Reason::io;
  }
}

void check(int code, sqlite3* database) {
  if (code == SQLITE_OK) return;
  throw Error(reason_of(code), std::string("the state file: ") + sqlite3_errmsg(database));
}

}  // namespace

sqlite3_stmt* Statements::take(const char* sql) {
  if (auto known = idle_.find(std::string_view(sql)); known != idle_.end()) {
    return idle_.extract(known).mapped().release();
  }
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr), database_);
  return statement;
}

void Statements::give_back(sqlite3_stmt* statement) {
  sqlite3_reset(statement);  // what went wrong was said when it did
  sqlite3_clear_bindings(statement);
  idle_.emplace(sqlite3_sql(statement), statement);
}

Query::Query(Statements& statements, const char* sql)
    : statement_(statements.take(sql), GiveBack{&statements}) {}

Query& Query::bind(int64_t value) {
  check(sqlite3_bind_int64(statement_.get(), ++bound_, value), sqlite3_db_handle(statement_.get()));
  return *this;
}

Query& Query::bind(View value) {
  // A null pointer would bind NULL: an empty blob needs an address.
  const void* data = value.empty() ? "" : static_cast<const void*>(value.data());
  check(sqlite3_bind_blob64(statement_.get(), ++bound_, data, value.size(), SQLITE_STATIC),
        sqlite3_db_handle(statement_.get()));
  return *this;
}

Query& Query::bind(std::string_view text) {
  check(sqlite3_bind_text64(statement_.get(), ++bound_, text.empty() ? "" : text.data(),
                            text.size(), SQLITE_STATIC, SQLITE_UTF8),
        sqlite3_db_handle(statement_.get()));
  return *this;
}

bool Query::next() {
  int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) check(code, sqlite3_db_handle(statement_.get()));
  return false;
}

void Query::run() {
  while (next()) {
  }
}

View Query::blob(int column) const {
  auto data = static_cast<const uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

Database::Database(const std::string& path, std::chrono::milliseconds patience) {
  sqlite3* database = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE, nullptr);
  handle_.reset(database);  // also after a failure, says SQLite
  if (!database) throw Error(Reason::io, "SQLite has no memory to open the state file");
  check(code, database);
  check(sqlite3_extended_result_codes(database, 1), database);
  check(sqlite3_busy_timeout(database, static_cast<int>(patience.count())), database);
  statements_ = std::make_unique<Statements>(database);
}

int64_t Database::integer(const char* sql) {
  Query q = query(sql);
  if (!q.next()) throw Error(Reason::corrupt, std::string("the state file: no row for ") + sql);
  return q.integer(0);
}

Transaction::Transaction(Database& database) : database_(database) {
  database_.run("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (!database_.in_transaction()) return;
  try {
    database_.run("ROLLBACK");
  } catch (const Error&) {
    // Nothing was committed; the next start rolls back what is left in the log.
  }
}

void Transaction::commit() { database_.run("COMMIT"); }

Savepoint::Savepoint(Database& database) : database_(database) { database_.run("SAVEPOINT part"); }

Savepoint::~Savepoint() {
  if (kept_) return;
  try {
    database_.run("ROLLBACK TO part");
    database_.run("RELEASE part");
  } catch (const Error&) {
    // Then the transaction around it fails too.
  }
}

void Savepoint::keep() {
  database_.run("RELEASE part");
  kept_ = true;
}

}  // namespace qnpc::client
