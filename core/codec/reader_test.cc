#include "qnpc/codec/reader.h"

#include <gtest/gtest.h>

#include "qnpc/codec/writer.h"

namespace qnpc::codec {
namespace {

uint32_t length_of(std::string_view hex) {
  Bytes bytes = *from_hex(hex);
  Reader r(bytes);
  uint32_t out = r.length();
  r.expect_end();
  return out;
}

// The examples of RFC 9420 2.1.2 (from RFC 9000), and both sides of each border.
TEST(Reader, LengthReadsEveryForm) {
  EXPECT_EQ(length_of("25"), 37u);
  EXPECT_EQ(length_of("7bbd"), 15293u);
  EXPECT_EQ(length_of("9d7f3e7d"), 494878333u);
  EXPECT_EQ(length_of("3f"), 0x3fu);
  EXPECT_EQ(length_of("4040"), 0x40u);
  EXPECT_EQ(length_of("7fff"), 0x3fffu);
  EXPECT_EQ(length_of("80004000"), 0x4000u);
  EXPECT_EQ(length_of("bfffffff"), 0x3fffffffu);
}

TEST(Reader, LengthRefusesLongFormsAndReservedPrefix) {
  for (const char* hex : {"4025", "403f", "80000025", "80003fff", "c000000000000000", "ff"}) {
    EXPECT_THROW(length_of(hex), Error) << hex;
  }
}

TEST(Reader, NeverReadsPastTheEnd) {
  Bytes bytes = *from_hex("0401020304");
  for (size_t size = 0; size < bytes.size(); ++size) {
    Reader r(View(bytes).first(size));
    EXPECT_THROW(r.opaque(), Error) << size;
  }
  Reader r(bytes);
  EXPECT_EQ(r.opaque().size(), 4u);
  EXPECT_TRUE(r.at_end());
  EXPECT_THROW(r.u8(), Error);
}

TEST(Writer, LengthIsShortestForm) {
  for (auto [value, hex] :
       std::initializer_list<std::pair<size_t, const char*>>{{0, "00"},
                                                             {0x3f, "3f"},
                                                             {0x40, "4040"},
                                                             {0x3fff, "7fff"},
                                                             {0x4000, "80004000"},
                                                             {0x3fffffff, "bfffffff"}}) {
    Writer w;
    w.length(value);
    EXPECT_EQ(to_hex(w.view()), hex);
  }
  Writer w;
  EXPECT_THROW(w.length(0x40000000), Error);
}

}  // namespace
}  // namespace qnpc::codec
