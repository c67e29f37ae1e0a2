#include "qnpc/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

// How often this thread still gets memory.
thread_local size_t allocations_left = SIZE_MAX;

}  // namespace

// Not inlined, or g++ takes them for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  void* out = allocations_left == 0 ? nullptr : std::malloc(size);
  if (allocations_left != SIZE_MAX && allocations_left != 0) --allocations_left;
  if (out == nullptr) throw std::bad_alloc();
  return out;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace qnpc {
namespace {

TEST(ParallelFor, CallsEachIndexOnce) {
  for (size_t count : {0, 1, 2, 7, 8, 9, 1000}) {
    std::vector<std::atomic<int>> calls(count);
    parallel_for(count, [&](size_t i) { ++calls[i]; });
    for (const auto& n : calls) EXPECT_EQ(n, 1);
  }
}

TEST(ParallelFor, WhatWasWrittenIsSeenAfterwards) {
  std::vector<size_t> squares(5000);
  parallel_for(squares.size(), [&](size_t i) { squares[i] = i * i; });
  for (size_t i = 0; i < squares.size(); ++i) EXPECT_EQ(squares[i], i * i);
}

// Of several errors the same one is reported on any number of cores.
TEST(ParallelFor, ThrowsWhatTheFirstInOrderThrows) {
  for (int repeat = 0; repeat < 50; ++repeat) {
    std::vector<std::atomic<bool>> ran(1000);
    try {
      parallel_for(1000, [&](size_t i) {
        ran[i] = true;
        if (i >= 123 && i % 41 == 0) throw std::runtime_error(std::to_string(i));
        std::this_thread::yield();
      });
      FAIL();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "123");
    }
    for (size_t i = 0; i <= 123; ++i) EXPECT_TRUE(ran[i]);
  }
}

// Wherever memory ends: nothing is begun, or all is done.
TEST(ParallelFor, DoesTheWorkWhereThereIsNoMemoryForThreads) {
  bool did_all = false;
  for (size_t allowed = 0; allowed < 6; ++allowed) {
    std::vector<std::atomic<int>> calls(1000);
    const std::function<void(size_t)> body = [&](size_t i) { ++calls[i]; };
    bool began = true;
    allocations_left = allowed;
    try {
      parallel_for(calls.size(), body);
    } catch (const std::bad_alloc&) {
      began = false;
    }
    allocations_left = SIZE_MAX;
    for (const auto& n : calls) EXPECT_EQ(n, began ? 1 : 0) << allowed;
    EXPECT_TRUE(began || !did_all);
    did_all = began;
  }
  EXPECT_TRUE(did_all);
}

TEST(ParallelFor, FewPiecesStayInTheCallersThread) {
  for (size_t count : {1, 2, 3}) {
    parallel_for(count, [caller = std::this_thread::get_id()](size_t) {
      EXPECT_EQ(std::this_thread::get_id(), caller);
    });
  }
}

TEST(ParallelFor, MayBeCalledFromWithin) {
  std::vector<std::atomic<int>> sums(20);
  parallel_for(sums.size(), [&](size_t i) {
    parallel_for(100, [&](size_t j) { sums[i] += static_cast<int>(j); });
  });
  for (const auto& sum : sums) EXPECT_EQ(sum, 4950);
}

// A piece that waits for the caller shows that the caller goes on meanwhile.
TEST(ParallelWork, IsDoneWhileTheCallerDoesSomethingElse) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "one core";
  std::atomic<bool> caller_went_on = false;
  std::vector<std::atomic<int>> calls(20);
  ParallelWork work(calls.size(), [&](size_t i) {
    caller_went_on.wait(false);
    ++calls[i];
  });
  caller_went_on = true;
  caller_went_on.notify_all();
  work.finish(5);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(calls[i], 1);
  work.help(calls.size());
  work.finish(calls.size());
  for (const auto& n : calls) EXPECT_EQ(n, 1);
}

TEST(ParallelWork, ThrowsWhenThePieceThatThrewIsAskedFor) {
  for (int repeat = 0; repeat < 50; ++repeat) {
    ParallelWork work(100, [&](size_t i) {
      if (i >= 23 && i % 2 == 1) throw std::runtime_error(std::to_string(i));
    });
    work.finish(23);
    for (size_t end : {24, 30, 100}) {
      try {
        work.finish(end);
        FAIL();
      } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "23");
      }
    }
  }
}

TEST(ParallelWork, IsLeftUndoneWhenItIsGivenUp) {
  std::vector<std::atomic<int>> calls(1000);
  {
    ParallelWork work(calls.size(), [&](size_t i) { ++calls[i]; });
  }
  bool ended = false;
  for (const auto& n : calls) {
    EXPECT_LE(n, ended ? 0 : 1);
    ended = n == 0;
  }
}

}  // namespace
}  // namespace qnpc
