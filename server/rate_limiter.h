// rate_limiter: token buckets by key: so much at once, and then so much a second. For all threads.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>

#include "server/limits.h"

namespace qnpc::server {

class RateLimiter {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  /// `what` is said to whoever is refused: "too many ...".
  RateLimiter(const limits::Rate& rate, std::string what, Clock clock,
              size_t most_keys = limits::rate_keys);

  /// Takes one. Throws Reason::rate_limited where there is none left, and Reason::overloaded where
  /// `most_keys` are known, of which none has its burst again and can be forgotten.
  void take(const std::string& key);

 private:
  struct Bucket {
    double left;
    std::chrono::steady_clock::time_point since;
  };
  double left(const Bucket& bucket, std::chrono::steady_clock::time_point now) const;
  void forget_full(std::chrono::steady_clock::time_point now);

  const limits::Rate rate_;
  const size_t most_keys_;
  const std::string what_;
  const Clock clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
  std::chrono::steady_clock::time_point swept_{};
};

}  // namespace qnpc::server
