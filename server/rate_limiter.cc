#include "server/rate_limiter.h"

#include <algorithm>
#include <cmath>

#include "qnpc/base/error.h"

namespace qnpc::server {
namespace {

// Looking through all buckets takes about a millisecond.
constexpr std::chrono::seconds sweep_pause{1};

}  // namespace

RateLimiter::RateLimiter(const limits::Rate& rate, std::string what, Clock clock, size_t most_keys)
    : rate_(rate), most_keys_(most_keys), what_(std::move(what)), clock_(std::move(clock)) {}

void RateLimiter::take(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto now = clock_();
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= most_keys_) forget_full(now);
    if (buckets_.size() >= most_keys_) {
      throw Error(Reason::overloaded, "too many callers at once. Try again in a minute");
    }
    found = buckets_.emplace(key, Bucket{rate_.burst, now}).first;
  }
  Bucket& bucket = found->second;
  bucket = {left(bucket, now), now};
  if (bucket.left < 1) {
    auto seconds = static_cast<int64_t>(std::ceil((1 - bucket.left) / rate_.per_second));
    throw Error(Reason::rate_limited,
                what_ + ". Try again in " + std::to_string(seconds) + " seconds");
  }
  --bucket.left;
}

double RateLimiter::left(const Bucket& bucket, std::chrono::steady_clock::time_point now) const {
  const std::chrono::duration<double> passed = now - bucket.since;
  return std::min(rate_.burst, bucket.left + passed.count() * rate_.per_second);
}

void RateLimiter::forget_full(std::chrono::steady_clock::time_point now) {
  if (now - swept_ < sweep_pause) return;
  swept_ = now;
  std::erase_if(buckets_,
                [&](const auto& entry) { return left(entry.second, now) >= rate_.burst; });
}

}  // namespace qnpc::server
