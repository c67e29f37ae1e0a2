#include "qnpc/base/shared_array.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace qnpc {
namespace {

TEST(SharedArray, BehavesLikeAVectorAndSoDoItsCopies) {
  std::mt19937 random(7);
  auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  std::vector<SharedArray<std::string>> arrays(4);
  std::vector<std::vector<std::string>> vectors(4);
  for (int step = 0; step < 20000; ++step) {
    size_t which = below(4);
    auto& array = arrays[which];
    auto& vector = vectors[which];
    size_t what = below(20);
    if (what == 0) {
      size_t size = below(200);
      array.resize(size);
      vector.resize(size);
    } else if (what == 1) {
      size_t from = below(4);
      array = arrays[from];
      vector = vectors[from];
    } else if (!vector.empty()) {
      size_t i = below(vector.size());
      array.edit(i) = vector[i] = std::to_string(step);
    }
    if (step % 100 != 0) continue;
    for (size_t a = 0; a < 4; ++a) {
      ASSERT_EQ(arrays[a].size(), vectors[a].size());
      for (size_t i = 0; i < vectors[a].size(); ++i) ASSERT_EQ(arrays[a][i], vectors[a][i]);
    }
  }
}

TEST(SharedArray, ACopySharesWhatIsNotChanged) {
  SharedArray<int> one(1000);
  for (size_t i = 0; i < one.size(); ++i) one.edit(i) = static_cast<int>(i);
  SharedArray<int> two = one;
  two.edit(0) = -1;
  EXPECT_NE(&one[0], &two[0]);
  EXPECT_EQ(&one[999], &two[999]);
  const int* place = &two[0];
  two.edit(0) = -2;
  EXPECT_EQ(&two[0], place);
}

}  // namespace
}  // namespace qnpc
