// sql: what the tables of the store share in their statements.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace qnpc::server {

/// SQLite's integers are signed. A sequence number beyond them is one that was never given.
inline int64_t to_integer(uint64_t value) {
  return static_cast<int64_t>(std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
}

/// The text with the queue's name in place of each $.
inline std::string named(const std::string& name, std::string_view text) {
  std::string sql;
  for (char c : text) {
    if (c == '$') {
      sql += name;
    } else {
      sql += c;
    }
  }
  return sql;
}

}  // namespace qnpc::server
