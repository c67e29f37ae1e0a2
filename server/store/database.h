// database: SQLite's C interface as two owning types. Knows nothing of our tables.
//
// Errors are thrown as Error with one of three reasons: `overloaded` (the disk is full or somebody
// else holds the lock: it may pass), `corrupt` (not a database, or a damaged one) and `io`
// (everything else: nothing can be said about what is on the disk).
#pragma once

#include <sqlite3.h>

#include <memory>
#include <string>

#include "qnpc/base/bytes.h"
#include "qnpc/base/error.h"

namespace qnpc::server {

/// The values of a query in progress. Ends the query, whatever was read of it, when it goes.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) : statement_(statement) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  /// Goes to the next row. False after the last one.
  bool next();
  int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  size_t blob_size(int column) const;
  Bytes blob(int column) const;
  std::string text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Statement {
 public:
  Statement(sqlite3* database, const std::string& sql);

  /// Binds the arguments (int64_t or View) to ?1, ?2, ... Views must live as long as the Rows.
  template <class... Arguments>
  Rows query(const Arguments&... arguments) {
    int index = 0;
    (bind(++index, arguments), ...);
    return Rows(statement_.get());
  }
  /// Runs a statement that has no rows to give.
  template <class... Arguments>
  void run(const Arguments&... arguments) {
    Rows rows = query(arguments...);
    while (rows.next()) {
    }
  }

 private:
  void bind(int index, int64_t value);
  void bind(int index, View value);

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  enum class Mode { create, read_write, read_only };
  Database(const std::string& path, Mode mode);

  /// Runs statements separated by semicolons.
  void execute(const std::string& sql);
  Statement prepare(const std::string& sql) { return Statement(database_.get(), sql); }
  /// The first column of the first row.
  int64_t integer(const std::string& sql);
  bool in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }
  /// Moves as much of the log into the database as can be without waiting for readers.
  void checkpoint();
  sqlite3* handle() const { return database_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace qnpc::server
