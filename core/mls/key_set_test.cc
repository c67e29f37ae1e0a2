#include "qnpc/mls/key_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "tests/support/seeded_random.h"

namespace qnpc::mls {
namespace {

// A list that is searched from its beginning.
struct Naive {
  std::vector<const SmallBytes*> keys;
  bool contains(View key) const {
    return std::ranges::any_of(keys, [&](const SmallBytes* k) { return equal(*k, key); });
  }
  bool all_differ() const {
    for (const SmallBytes* key : keys) {
      if (std::ranges::count_if(keys, [&](const SmallBytes* k) { return *k == *key; }) > 1)
        return false;
    }
    return true;
  }
};

// Of few values and of equal beginnings, so that equal and nearly equal keys meet.
Bytes some_key(test::SeededRandom& random) {
  constexpr size_t sizes[] = {4, 8, 32, 33};
  Bytes key(sizes[random.below(4)], 7);
  key.back() = static_cast<uint8_t>(random.below(60));
  if (random.one_in(3)) key.front() = static_cast<uint8_t>(random.below(4));
  return key;
}

TEST(KeySet, AgreesWithAListUnderRandomOperations) {
  test::SeededRandom random(1);
  std::deque<SmallBytes> all;
  KeySet set, copy;
  Naive naive, naive_copy;
  size_t with_equal_keys = 0;
  for (int step = 0; step < 6000; ++step) {
    if (naive.keys.empty() || random.below(1000) < (step < 3000 ? 600u : 400u)) {
      naive.keys.push_back(&all.emplace_back(some_key(random)));
      set.insert(naive.keys.back());
    } else {
      size_t i = random.below(naive.keys.size());
      set.erase(naive.keys[i]);
      naive.keys.erase(naive.keys.begin() + static_cast<ptrdiff_t>(i));
    }
    if (step % 500 == 0) {
      copy = set;
      naive_copy = naive;
    }
    if (step % 20 != 0) continue;
    ASSERT_EQ(set.all_differ(), naive.all_differ());
    ASSERT_EQ(copy.all_differ(), naive_copy.all_differ());
    if (!naive.all_differ()) ++with_equal_keys;
    for (int i = 0; i < 20; ++i) {
      Bytes key = some_key(random);
      ASSERT_EQ(set.contains(key), naive.contains(key));
      ASSERT_EQ(copy.contains(key), naive_copy.contains(key));
    }
  }
  EXPECT_GT(with_equal_keys, 0u);
}

TEST(KeySet, IsTheSameMadeAtOnceOrOneByOne) {
  test::SeededRandom random(2);
  for (size_t count : {0, 1, 2, 55, 56, 57, 64, 65, 1000}) {
    std::deque<SmallBytes> all;
    std::vector<const SmallBytes*> keys;
    for (size_t i = 0; i < count; ++i) keys.push_back(&all.emplace_back(random.bytes(32)));
    KeySet at_once(keys);
    EXPECT_TRUE(at_once.all_differ());
    for (const SmallBytes* key : keys) EXPECT_TRUE(at_once.contains(*key));
    EXPECT_FALSE(at_once.contains(random.bytes(32)));
    for (size_t i = 0; i < count; i += 10) at_once.insert(&all.emplace_back(*keys[i]));
    EXPECT_EQ(at_once.all_differ(), count == 0);
    for (const SmallBytes* key : keys) at_once.erase(key);
    for (size_t i = 0; i < count; ++i) EXPECT_EQ(at_once.contains(*keys[i]), i % 10 == 0);
    EXPECT_TRUE(at_once.all_differ());
  }
}

}  // namespace
}  // namespace qnpc::mls
