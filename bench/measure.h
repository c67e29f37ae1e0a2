// measure: time and live memory of one benchmark program. Links its own operator new and delete.
#pragma once

#include <chrono>
#include <cstddef>
#include <limits>

namespace qnpc::bench {

/// The bytes that operator new has given out and not taken back, with malloc's rounding.
size_t live_bytes();

/// Microseconds of wall-clock time for one call: the least of `repeats`, since what else the
/// machine does can only add.
template <class Body>
double least_microseconds(int repeats, Body&& body) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repeats; ++i) {
    auto start = std::chrono::steady_clock::now();
    body();
    std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - start;
    if (spent.count() < least) least = spent.count();
  }
  return least;
}

}  // namespace qnpc::bench
