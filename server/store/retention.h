// retention: entries go when their time is over, in the order in which they came.
//
// No entry has a time. Once an hour a mark notes the highest sequence number so far, and when a
// mark is older than the retention, everything up to its number goes. So the order is that of the
// numbers whatever the clock does: where it jumps back, the marks of its future become marks of
// now, and where it jumps forward, entries go early, but none before an older one.
//
// All calls happen within a transaction of the caller's; they throw as Database does.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "server/store/database.h"

namespace qnpc::server {

using Clock = std::function<std::chrono::sys_seconds()>;

/// The statements that make the tables for the retention of a queue with this name.
std::string retention_schema(const std::string& name);

class Retention {
 public:
  /// Of the tables NAME_entry(sequence, owner, blob) and NAME_owner(id, entries, bytes,
  /// expired_through).
  Retention(Database& database, const std::string& name, std::chrono::seconds keep);
  /// Removes at most limits::expire_entries and about expire_bytes. True where more is due.
  bool remove_due(std::chrono::sys_seconds now);

 private:
  uint64_t due_through(std::chrono::sys_seconds now);

  const std::chrono::seconds keep_;
  Statement clamp_marks_;
  Statement newest_mark_;
  Statement insert_mark_;
  Statement due_through_;
  Statement delete_marks_;
  Statement select_oldest_;
  Statement delete_through_;
  Statement update_owner_;
};

}  // namespace qnpc::server
