#include "qnpc/base/base64url.h"

#include <gtest/gtest.h>

namespace qnpc {
namespace {

TEST(Base64url, RoundTripOfEveryLength) {
  Bytes bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
    bytes.push_back(static_cast<uint8_t>(i * 7));
  }
}

// RFC 4648 section 10, and the two digits in which base64url differs.
TEST(Base64url, IsThatOfTheRfc) {
  EXPECT_EQ(to_base64url(as_view("")), "");
  EXPECT_EQ(to_base64url(as_view("f")), "Zg");
  EXPECT_EQ(to_base64url(as_view("fo")), "Zm8");
  EXPECT_EQ(to_base64url(as_view("foobar")), "Zm9vYmFy");
  EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff}), "-_8");
}

TEST(Base64url, RefusesAllButOneTextForTheSameBytes) {
  for (const char* text : {"Zh", "Zm9", "Z", "Zm9vA", "Zg==", "Z g", "+_8", "-/8", "Zg\n"}) {
    EXPECT_FALSE(from_base64url(text)) << text;
  }
}

}  // namespace
}  // namespace qnpc
