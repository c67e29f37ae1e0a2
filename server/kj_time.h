// kj_time: times of the standard library as KJ has them.
#pragma once

#include <kj/time.h>

#include <chrono>

namespace qnpc::server {

inline kj::Duration to_kj(std::chrono::milliseconds time) {
  return time.count() * kj::MILLISECONDS;
}

}  // namespace qnpc::server
