#include "server/rate_limiter.h"

#include <algorithm>

#include "qnpc/base/error.h"

namespace qnpc::server {
namespace {

// At each call, so that the work is spread.
constexpr int most_forgotten_at_once = 2;

auto to_duration(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}

}  // namespace

RateLimiter::RateLimiter(const limits::Rate& rate, std::string what, Clock clock, size_t most_keys)
    : one_(to_duration(1 / rate.per_second)),
      burst_(to_duration(rate.burst / rate.per_second)),
      most_keys_(most_keys),
      what_(std::move(what)),
      clock_(std::move(clock)) {}

void RateLimiter::take(const std::string& key) {
  const Time::duration wait = wait_or_take(key);
  if (wait == Time::duration::zero()) return;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  throw Error(Reason::rate_limited,
              what_ + ". Try again in " + std::to_string(seconds) + " seconds");
}

bool RateLimiter::try_take(const std::string& key) {
  return wait_or_take(key) == Time::duration::zero();
}

/// How long there will be none; zero where one was taken.
RateLimiter::Time::duration RateLimiter::wait_or_take(const std::string& key) {
  std::lock_guard lock(mutex_);
  const Time now = clock_();
  forget_full(now);
  auto found = buckets_.find(key);
  const Time full = (found == buckets_.end() ? now : std::max(found->second, now)) + one_;
  if (full - now > burst_) return full - now - burst_;
  if (found == buckets_.end()) {
    if (buckets_.size() >= most_keys_) forget_first();
    found = buckets_.emplace(key, full).first;
  } else {
    by_time_.erase({found->second, found->first});
    found->second = full;
  }
  by_time_.emplace(full, found->first);
  return Time::duration::zero();
}

void RateLimiter::forget_full(Time now) {
  for (int i = 0; i < most_forgotten_at_once && !by_time_.empty(); ++i) {
    if (by_time_.begin()->first > now) return;
    forget_first();
  }
}

void RateLimiter::forget_first() {
  const std::string key(by_time_.begin()->second);
  by_time_.erase(by_time_.begin());
  buckets_.erase(key);
}

}  // namespace qnpc::server
