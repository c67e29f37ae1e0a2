#include "qnpc/base/small_vector.h"

#include <gtest/gtest.h>

namespace qnpc {
namespace {

// Some of these stand in the object and some on the heap.
constexpr size_t sizes[] = {0, 1, 32, 36, 37, 64, 133, 5000};

TEST(SmallVector, CopiesMovesAndComparesAtAnySize) {
  for (size_t a : sizes) {
    for (size_t b : sizes) {
      const Bytes first(a, 1), second(b, 2);
      SmallBytes one(first), two(second);
      SmallBytes copy = one;
      EXPECT_EQ(copy, first);
      copy = two;
      EXPECT_EQ(copy, second);
      EXPECT_EQ(one == two, first == second);
      two = std::move(one);
      EXPECT_EQ(two, first);
      EXPECT_EQ(Bytes(two), first);
      two.clear();
      EXPECT_TRUE(two.empty());
    }
  }
}

TEST(SmallVector, ItsElementsCanBeChanged) {
  for (size_t size : sizes) {
    if (size == 0) continue;
    SmallBytes bytes(Bytes(size, 1));
    const SmallBytes copy = bytes;
    bytes[size - 1] = 9;
    EXPECT_EQ(bytes[size - 1], 9);
    EXPECT_EQ(copy[size - 1], 1);
    EXPECT_NE(copy, bytes);
  }
}

TEST(SmallVector, GrowsOverItsPlaces) {
  SmallVector<uint16_t, 6> list;
  std::vector<uint16_t> vector;
  for (uint16_t i = 0; i < 20; ++i) {
    list.push_back(i);
    vector.push_back(i);
    EXPECT_EQ(list, vector);
  }
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(list, vector);
    list.pop_back();
    vector.pop_back();
  }
  EXPECT_TRUE(list.empty());
  list = {1, 2, 3};
  EXPECT_EQ(list, (std::vector<uint16_t>{1, 2, 3}));
}

}  // namespace
}  // namespace qnpc
