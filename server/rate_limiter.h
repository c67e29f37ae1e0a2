// rate_limiter: token buckets by key: so much at once, and then so much a second. For all threads.
// Of too many keys it forgets the one that is nearest to its burst, which gains least by that.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "server/limits.h"

namespace qnpc::server {

class RateLimiter {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  /// `what` is said to whoever is refused: "too many ...". The bucket must be full again within
  /// limits::longest_refill.
  RateLimiter(const limits::Rate& rate, std::string what, Clock clock,
              size_t most_keys = limits::rate_keys);

  /// Takes so many. Throws Reason::rate_limited where there is none left; where there are fewer,
  /// the key owes the others, for limits::longest_refill at most: no count is too large.
  void take(const std::string& key, uint64_t count = 1);
  /// Takes one; false where there is none left.
  bool try_take(const std::string& key);
  /// Throws as take() does, and takes nothing.
  void require(const std::string& key);
  /// Takes one, or owes it.
  void charge(const std::string& key);

 private:
  // A bucket is the time at which it is full again.
  using Time = std::chrono::steady_clock::time_point;
  Time::duration wait_or_take(const std::string& key, uint64_t count);
  Time::duration time_for(uint64_t count) const;
  void owe(const std::string& key, uint64_t count, Time now);
  void forget_full(Time now);
  void forget_first();
  Time::duration wait_for_one(Time full, Time now) const;
  void refuse_unless_zero(Time::duration wait) const;
  Time full_at(const std::string& key, Time now) const;
  void set_full_at(const std::string& key, Time full);

  const Time::duration one_;  // the time in which a bucket gets one
  const Time::duration burst_;
  const size_t most_keys_;
  const std::string what_;
  const Clock clock_;
  std::mutex mutex_;
  std::map<std::string, Time> buckets_;  // no hash, which a caller could make collide
  std::set<std::pair<Time, std::string_view>> by_time_;
};

}  // namespace qnpc::server
