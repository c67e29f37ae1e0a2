// clock: the time is an argument, so that every test can choose it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

namespace qnpc::client {

/// Unix time in milliseconds.
using Clock = std::function<uint64_t()>;

inline uint64_t in_ms(std::chrono::milliseconds time) {
  return static_cast<uint64_t>(time.count());
}

}  // namespace qnpc::client
