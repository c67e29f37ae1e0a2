// database_size: how much the database holds, so that nothing more is stored where it is too much.
// Removing and reading go on: what is removed makes room, which later rows use.
#pragma once

#include "server/store/database.h"

namespace qnpc::server {

class DatabaseSize {
 public:
  DatabaseSize(Database& database, uint64_t most_bytes);
  /// Looks anew. A few microseconds.
  void measure();
  /// Pages with something in them, at the last measure().
  uint64_t bytes() const { return bytes_; }
  /// Throws OverQuota where that is too much.
  void require_room() const;

 private:
  const uint64_t most_bytes_;
  const uint64_t page_bytes_;
  Statement count_pages_;
  Statement count_free_pages_;
  uint64_t bytes_ = 0;
};

}  // namespace qnpc::server
