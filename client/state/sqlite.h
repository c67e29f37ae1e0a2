// sqlite: SQLite's C interface as owning types. Knows nothing of our tables.
//
// Errors are thrown as Error: `corrupt` (no database, or a damaged one), `unavailable` (another
// process holds it) and `io` (everything else; the text says what).
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "qnpc/base/bytes.h"
#include "qnpc/base/error.h"

namespace qnpc::client {

/// Statements that were prepared before. Preparing one costs more than what most of ours do.
class Statements {
 public:
  explicit Statements(sqlite3* database) : database_(database) {}

  sqlite3_stmt* take(const char* sql);
  /// What was bound is forgotten.
  void give_back(sqlite3_stmt* statement);

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  sqlite3* database_;
  std::multimap<std::string, std::unique_ptr<sqlite3_stmt, Finalize>, std::less<>> idle_;
};

/// A statement with its bound values, stepped through once.
class Query {
 public:
  Query(Statements& statements, const char* sql);

  /// Binds the next parameter. Views must live until the last step.
  Query& bind(int64_t value);
  Query& bind(View value);
  Query& bind(std::string_view text);

  /// Goes to the next row. False after the last one.
  bool next();
  /// Runs a statement that has no rows to give.
  void run();

  int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  /// Valid until the next step.
  View blob(int column) const;
  std::string text(int column) const { return to_text(blob(column)); }

 private:
  struct GiveBack {
    Statements* statements;
    void operator()(sqlite3_stmt* statement) const { statements->give_back(statement); }
  };
  std::unique_ptr<sqlite3_stmt, GiveBack> statement_;
  int bound_ = 0;
};

class Database {
 public:
  /// Opens the file, which must exist, or ":memory:". Waits up to `patience` for a lock.
  Database(const std::string& path, std::chrono::milliseconds patience);

  template <class... Values>
  Query query(const char* sql, const Values&... values) {
    Query q(*statements_, sql);
    (q.bind(values), ...);
    return q;
  }
  template <class... Values>
  void run(const char* sql, const Values&... values) {
    query(sql, values...).run();
  }
  /// The first column of the only row.
  int64_t integer(const char* sql);
  /// Nothing may be asked any more, until another one is moved in.
  void close() {
    statements_.reset();
    handle_.reset();
  }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> handle_;
  std::unique_ptr<Statements> statements_;  // queries know where it is
};

/// All or nothing: rolled back unless commit() returned.
class Transaction {
 public:
  explicit Transaction(Database& database);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  /// Returns once everything is on the disk.
  void commit();

 private:
  Database& database_;
};

/// A part of a transaction, by itself all or nothing: undone unless keep() returned.
class Savepoint {
 public:
  explicit Savepoint(Database& database);
  Savepoint(const Savepoint&) = delete;
  Savepoint& operator=(const Savepoint&) = delete;
  ~Savepoint();
  void keep();

 private:
  Database& database_;
  bool kept_ = false;
};

}  // namespace qnpc::client
