// measure: time and live memory of one benchmark program. Links its own operator new and delete.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>

namespace qnpc::bench {

/// The bytes that operator new has given out and not taken back, with malloc's rounding.
size_t live_bytes();

/// The processor time that this process has used.
double cpu_microseconds();

/// In microseconds.
struct Spent {
  double wall = std::numeric_limits<double>::infinity();
  double cpu = wall;  // of all threads together
};

template <class Body>
Spent spent_by(Body&& body) {
  auto start = std::chrono::steady_clock::now();
  double cpu_start = cpu_microseconds();
  body();
  double cpu = cpu_microseconds() - cpu_start;
  std::chrono::duration<double, std::micro> wall = std::chrono::steady_clock::now() - start;
  return {wall.count(), cpu};
}

inline Spent least(const Spent& a, const Spent& b) {
  return {std::min(a.wall, b.wall), std::min(a.cpu, b.cpu)};
}

/// The least of several calls, for wall-clock and processor time each: what else the machine does
/// can only add. For about a second, or five calls if they take longer; and at most 250 calls,
/// since commits that nobody processes still use up generations, of which a receiver skips 1,000.
template <class Body>
Spent least_of_many(Body&& body) {
  Spent out;
  double total = 0;
  for (int i = 0; i < 5 || (total < 1'000'000 && i < 250); ++i) {
    Spent spent = spent_by(body);
    total += spent.wall;
    out = least(out, spent);
  }
  return out;
}

}  // namespace qnpc::bench
