// time: the wall clock as MLS writes it. Whoever needs the time is given it; core asks no clock.
#pragma once

#include <compare>
#include <cstdint>

namespace qnpc {

/// Seconds since 1970-01-01 00:00 UTC, leap seconds not counted.
struct UnixTime {
  uint64_t seconds = 0;
  friend auto operator<=>(const UnixTime&, const UnixTime&) = default;
};

}  // namespace qnpc
