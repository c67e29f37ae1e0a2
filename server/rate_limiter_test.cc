#include "server/rate_limiter.h"

#include <gtest/gtest.h>

#include "qnpc/base/error.h"

namespace qnpc::server {
namespace {

using namespace std::chrono_literals;

class RateLimiterTest : public testing::Test {
 protected:
  /// How many of so many attempts succeed.
  int take(const std::string& key, int attempts) {
    int taken = 0;
    for (int i = 0; i < attempts; ++i) {
      try {
        limiter.take(key);
        ++taken;
      } catch (const Error& error) {
        EXPECT_EQ(error.reason(), Reason::rate_limited);
      }
    }
    return taken;
  }

  // Far from its beginning, as a machine's that has run for a while.
  std::chrono::steady_clock::time_point now{1h};
  RateLimiter limiter{{3, 0.5}, "too many", [this] { return now; }, 4};
};

TEST_F(RateLimiterTest, GivesTheBurstAndThenTheRate) {
  EXPECT_EQ(take("a", 10), 3);
  now += 1s;
  EXPECT_EQ(take("a", 10), 0);
  now += 1s;
  EXPECT_EQ(take("a", 10), 1);
  now += 1000s;
  EXPECT_EQ(take("a", 10), 3);
}

TEST_F(RateLimiterTest, KeysDoNotShare) {
  EXPECT_EQ(take("a", 10), 3);
  EXPECT_EQ(take("b", 2), 2);
  EXPECT_EQ(take("a", 10), 0);
  EXPECT_EQ(take("b", 2), 1);
}

TEST_F(RateLimiterTest, WhatIsOwedIsPaidBackFirst) {
  limiter.take("a", 5);
  EXPECT_EQ(take("a", 10), 0);
  now += 5s;
  EXPECT_EQ(take("a", 10), 0);
  now += 1s;
  EXPECT_EQ(take("a", 10), 1);
}

TEST_F(RateLimiterTest, RequiringTakesNothingAndChargingIsNeverRefused) {
  for (int i = 0; i < 10; ++i) limiter.require("a");
  for (int i = 0; i < 4; ++i) limiter.charge("a");
  EXPECT_THROW(limiter.require("a"), Error);
  now += 2s;  // of four, three were there
  EXPECT_THROW(limiter.require("a"), Error);
  now += 2s;
  limiter.require("a");
}

// It had overflowed: whoever owed most owed nothing.
TEST_F(RateLimiterTest, ADebtOfAnySizeIsOwed) {
  for (uint64_t count : {uint64_t{1} << 40, uint64_t{1} << 63, UINT64_MAX}) {
    const std::string key = std::to_string(count);
    limiter.take(key, count);
    now += 24h * 365;
    EXPECT_EQ(take(key, 1), 0);
  }
  RateLimiter slow{{5e6, 1.0 / 60}, "", [this] { return now; }};
  for (int i = 0; i < 3; ++i) {
    slow.take("a", UINT64_MAX / 2);
    EXPECT_THROW(slow.require("a"), Error);
    for (int more = 0; more < 1000; ++more) slow.charge("a");
    EXPECT_THROW(slow.require("a"), Error);
    now += limits::longest_refill + 1min;  // and no longer
    slow.require("a");
  }
}

TEST_F(RateLimiterTest, SaysWhenToTryAgain) {
  take("a", 3);
  now += 500ms;
  try {
    limiter.take("a");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "too many. Try again in 2 seconds");
  }
}

TEST_F(RateLimiterTest, OfTooManyKeysItForgetsTheOneNearestToItsBurst) {
  for (const char* key : {"a", "b", "c"}) take(key, 3);
  take("d", 1);
  EXPECT_EQ(take("e", 10), 3);  // in place of d
  for (const char* key : {"a", "b", "c", "e"}) EXPECT_EQ(take(key, 10), 0) << key;
  EXPECT_EQ(take("d", 10), 3);  // in place of one of the others
}

}  // namespace
}  // namespace qnpc::server
