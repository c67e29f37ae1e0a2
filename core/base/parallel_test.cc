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

// Whether this thread gets no memory.
thread_local bool out_of_memory = false;

}  // namespace

// Not inlined, or g++ takes them for a mismatch.
[[gnu::noinline]] void* operator new(size_t size) {
  void* out = out_of_memory ? nullptr : std::malloc(size);
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

TEST(ParallelFor, DoesTheWorkWhereThereIsNoMemoryForThreads) {
  std::vector<std::atomic<int>> calls(1000);
  const std::function<void(size_t)> body = [&](size_t i) { ++calls[i]; };
  out_of_memory = true;
  try {
    parallel_for(calls.size(), body);
    out_of_memory = false;
  } catch (const std::exception& error) {
    out_of_memory = false;
    ADD_FAILURE() << error.what();
  }
  for (const auto& n : calls) EXPECT_EQ(n, 1);
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

}  // namespace
}  // namespace qnpc
