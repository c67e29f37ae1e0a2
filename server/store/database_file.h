// database_file: the server's database as a file: its tables and version, how it comes to be, and
// what is refused. docs/server-store.md describes it.
#pragma once

#include <string>

#include "server/store/database.h"

namespace qnpc::server {

inline constexpr const char* key_package_queue = "key_package";
inline constexpr const char* inbox_queue = "inbox";
inline constexpr const char* log_queue = "log";

/// Creates the database where there is none, and otherwise makes sure that it is one of ours, of a
/// version that we know, and undamaged. Changes nothing in a file that it refuses. Throws `corrupt`
/// or `io`, and the text says what to do.
void prepare_database(const std::string& path);

/// The connection that writes. There is one, and no other makes a checkpoint: SQLite up to 3.51.2
/// can corrupt a database in which two connections do.
Database open_writer(const std::string& path);
/// A connection that only reads; any number of them.
Database open_reader(const std::string& path);

}  // namespace qnpc::server
