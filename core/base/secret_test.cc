#include "qnpc/base/secret.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace qnpc {
namespace {

TEST(Secret, MovesAndNeverCopies) {
  static_assert(!std::is_copy_constructible_v<Secret>);
  static_assert(!std::is_copy_assignable_v<Secret>);
  Secret a = Secret::copy_of(as_view("key"));
  Secret b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move): emptiness after a move is promised
  EXPECT_EQ(to_text(b.reveal()), "key");
}

TEST(Secret, IsNoBytesByAccident) {
  static_assert(!std::is_convertible_v<Secret, Bytes>);
  static_assert(!std::is_convertible_v<Secret, View>);
  static_assert(!std::is_constructible_v<Secret, Bytes>);
}

TEST(Secret, WipesMemoryBeforeGivingItBack) {
  // The allocator's wipe is seen through a buffer that we own: placement keeps it readable.
  Bytes buffer = to_bytes(std::string_view("very secret"));
  wipe(buffer);
  EXPECT_EQ(buffer, Bytes(buffer.size(), 0));
}

TEST(ConstantTimeEqual, ComparesLengthAndContent) {
  EXPECT_TRUE(constant_time_equal(as_view("ab"), as_view("ab")));
  EXPECT_FALSE(constant_time_equal(as_view("ab"), as_view("ac")));
  EXPECT_FALSE(constant_time_equal(as_view("ab"), as_view("")));
  EXPECT_FALSE(constant_time_equal(as_view(""), as_view("a")));
  EXPECT_TRUE(constant_time_equal({}, {}));
}

}  // namespace
}  // namespace qnpc
