#include "client/content.h"

#include <gtest/gtest.h>

#include "client/limits.h"
#include "qnpc/base/error.h"

namespace qnpc::client {
namespace {

Content example() {
  Content content;
  content.id.fill(7);
  content.sent_ms = 1'800'000'000'123;
  using namespace std::string_literals;
  content.text = "two\nlines, \0 zero, grüße 漢字 🙂"s;
  return content;
}

TEST(Content, RoundTrip) {
  Content back = decode_content(encode_content(example()).reveal());
  EXPECT_EQ(back.id, example().id);
  EXPECT_EQ(back.sent_ms, example().sent_ms);
  EXPECT_EQ(back.text, example().text);
}

TEST(Content, TheLongestTextFits) {
  Content content = example();
  content.text.assign(limits::text_bytes, 'x');
  EXPECT_EQ(decode_content(encode_content(content).reveal()).text.size(), limits::text_bytes);
  content.text += 'x';
  EXPECT_THROW(decode_content(encode_content(content).reveal()), Error);
}

TEST(Content, RejectsTextThatIsNotUtf8) {
  Content content = example();
  content.text = "\xc3\x28";
  EXPECT_THROW(decode_content(encode_content(content).reveal()), Error);
}

TEST(Content, EveryTruncationAndFlippedByteIsRejectedOrParses) {
  Secret good = encode_content(example());
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_THROW(decode_content(good.reveal().first(n)), Error) << n;
    Bytes flipped = to_bytes(good.reveal());
    flipped[n] ^= 0xff;
    try {
      decode_content(flipped);
    } catch (const Error&) {
      // Rejected, as a byte of the structure is; one of the id or time is any other value.
    }
  }
}

TEST(Utf8, FollowsRfc3629) {
  for (const char* good : {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                          "\xc2", "\xe1\x80", "\xf1\x80\x80", "\xc2z"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace qnpc::client
