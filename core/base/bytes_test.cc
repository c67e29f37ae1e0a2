#include "qnpc/base/bytes.h"

#include <gtest/gtest.h>

namespace qnpc {
namespace {

TEST(Hex, RoundTrip) {
  Bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<uint8_t>(i));
  EXPECT_EQ(from_hex(to_hex(all)), all);
  EXPECT_EQ(to_hex(Bytes{0x00, 0x9f, 0xff}), "009fff");
}

TEST(Hex, AcceptsBothCases) { EXPECT_EQ(from_hex("aAfF"), (Bytes{0xaa, 0xff})); }

TEST(Hex, RefusesOddLengthAndOtherCharacters) {
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("0g"));
  EXPECT_FALSE(from_hex(" 0"));
  EXPECT_EQ(from_hex(""), Bytes{});
}

}  // namespace
}  // namespace qnpc
