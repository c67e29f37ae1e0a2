#include "server/store/database_size.h"

#include "server/store/over_quota.h"

namespace qnpc::server {
namespace {

uint64_t number(Rows rows) { return rows.next() ? static_cast<uint64_t>(rows.integer(0)) : 0; }

}  // namespace

DatabaseSize::DatabaseSize(Database& database, uint64_t most_bytes)
    : most_bytes_(most_bytes),
      page_bytes_(static_cast<uint64_t>(database.integer("PRAGMA page_size"))),
      count_pages_(database.prepare("PRAGMA page_count")),
      count_free_pages_(database.prepare("PRAGMA freelist_count")) {}

void DatabaseSize::measure() {
  bytes_ = (number(count_pages_.query()) - number(count_free_pages_.query())) * page_bytes_;
}

void DatabaseSize::require_room() const {
  if (bytes_ < most_bytes_) return;
  throw OverQuota(Limit::database_mib,
                  "the server's database is full: its operator has to make room");
}

}  // namespace qnpc::server
