#include "qnpc/group/padding.h"

#include <gtest/gtest.h>

namespace qnpc::group {
namespace {

TEST(Padding, HasFewSizesAndCostsAnEighthAtMost) {
  EXPECT_EQ(padded_size(0), 256u);
  EXPECT_EQ(padded_size(256), 256u);
  EXPECT_EQ(padded_size(257), 288u);
  EXPECT_EQ(padded_size(512), 512u);
  EXPECT_EQ(padded_size(513), 576u);
  size_t sizes = 0;
  size_t last = 0;
  for (size_t n = 0; n <= 1 << 16; ++n) {
    size_t padded = padded_size(n);
    ASSERT_GE(padded, n);
    ASSERT_LE(padded, n <= 256 ? 256 : n + n / 8 + 1) << n;
    if (padded != last) ++sizes;
    last = padded;
  }
  EXPECT_EQ(sizes, 1u + 8 * 8);  // 256, then eight for each of the eight doublings to 64 KiB
}

}  // namespace
}  // namespace qnpc::group
