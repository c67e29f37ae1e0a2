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

void RateLimiter::take(const std::string& key, uint64_t count) {
  refuse_unless_zero(wait_or_take(key, count));
}

bool RateLimiter::try_take(const std::string& key) {
  return wait_or_take(key, 1) == Time::duration::zero();
}

void RateLimiter::require(const std::string& key) {
  std::lock_guard lock(mutex_);
  const Time now = clock_();
  refuse_unless_zero(wait_for_one(full_at(key, now), now));
}

void RateLimiter::charge(const std::string& key) {
  std::lock_guard lock(mutex_);
  const Time now = clock_();
  forget_full(now);
  owe(key, 1, now);
}

/// How long there will be none; zero where they were taken.
RateLimiter::Time::duration RateLimiter::wait_or_take(const std::string& key, uint64_t count) {
  std::lock_guard lock(mutex_);
  const Time now = clock_();
  forget_full(now);
  const Time full = full_at(key, now);
  const Time::duration wait = wait_for_one(full, now);
  if (wait > Time::duration::zero()) return wait;
  owe(key, count, now);
  return Time::duration::zero();
}

void RateLimiter::owe(const std::string& key, uint64_t count, Time now) {
  const Time longest = now + burst_ + limits::longest_refill;
  set_full_at(key, std::min(full_at(key, now) + time_for(count), longest));
}

RateLimiter::Time::duration RateLimiter::time_for(uint64_t count) const {
  const Time::duration longest = limits::longest_refill;
  const bool fits = count < static_cast<uint64_t>(longest / one_);
  return fits ? one_ * static_cast<int64_t>(count) : longest;
}

RateLimiter::Time::duration RateLimiter::wait_for_one(Time full, Time now) const {
  return std::max(full + one_ - now - burst_, Time::duration::zero());
}

void RateLimiter::refuse_unless_zero(Time::duration wait) const {
  if (wait == Time::duration::zero()) return;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  throw Error(Reason::rate_limited,
              what_ + ". Try again in " + std::to_string(seconds) + " seconds");
}

RateLimiter::Time RateLimiter::full_at(const std::string& key, Time now) const {
  auto found = buckets_.find(key);
  return found == buckets_.end() ? now : std::max(found->second, now);
}

void RateLimiter::set_full_at(const std::string& key, Time full) {
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= most_keys_) forget_first();
    found = buckets_.emplace(key, full).first;
  } else {
    by_time_.erase({found->second, found->first});
    found->second = full;
  }
  by_time_.emplace(full, found->first);
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
