#include "qnpc/codec/length_prefixed.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/reason_of.h"

namespace qnpc::codec {
namespace {

using test::reason_of;

Bytes message_of(size_t size, uint8_t first) {
  Bytes out(size);
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(first + i * 7);
  return out;
}

// Gives the stream to the codec in chunks of at most `chunk` bytes; returns what it decoded.
std::vector<Bytes> decode_in_chunks(LengthPrefixedCodec& codec, View stream, size_t chunk) {
  std::vector<Bytes> out;
  while (!stream.empty()) {
    MutableView space = codec.free_space();
    EXPECT_LE(space.size(), size_t{128} << 10);
    size_t n = std::min({chunk, stream.size(), space.size()});
    std::copy_n(stream.begin(), n, space.begin());
    codec.filled(n);
    stream = stream.subspan(n);
    while (auto message = codec.next()) out.push_back(to_bytes(*message));
  }
  return out;
}

TEST(LengthPrefixed, LengthIsBigEndian) {
  Bytes out;
  LengthPrefixedCodec::encode(out, message_of(0x0102, 0));
  EXPECT_EQ(out.size(), 2u + 0x0102);
  EXPECT_EQ(out[0], 1);
  EXPECT_EQ(out[1], 2);
}

TEST(LengthPrefixed, AnyChunkSizeGivesTheSameMessages) {
  std::vector<Bytes> messages;
  for (size_t size : {0, 1, 2, 255, 256, 5000, 65534, 65535, 0, 3}) {
    messages.push_back(message_of(size, static_cast<uint8_t>(size)));
  }
  Bytes stream;
  for (const Bytes& message : messages) LengthPrefixedCodec::encode(stream, message);

  for (size_t chunk :
       {size_t{1}, size_t{2}, size_t{3}, size_t{1000}, size_t{65537}, stream.size()}) {
    LengthPrefixedCodec codec;
    EXPECT_EQ(decode_in_chunks(codec, stream, chunk), messages) << "chunks of " << chunk;
    EXPECT_FALSE(codec.holds_bytes());
  }
}

TEST(LengthPrefixed, HalfAMessageIsHeld) {
  Bytes stream;
  LengthPrefixedCodec::encode(stream, message_of(100, 0));
  LengthPrefixedCodec codec;
  for (size_t cut : {1, 2, 50}) {
    codec = {};
    EXPECT_TRUE(decode_in_chunks(codec, View(stream).first(cut), 10).empty());
    EXPECT_TRUE(codec.holds_bytes());
  }
}

TEST(LengthPrefixed, MessagesCanBeChangedInPlace) {
  Bytes stream;
  LengthPrefixedCodec::encode(stream, message_of(8, 1));
  LengthPrefixedCodec::encode(stream, message_of(8, 2));
  LengthPrefixedCodec codec;
  MutableView space = codec.free_space();
  std::ranges::copy(stream, space.begin());
  codec.filled(stream.size());
  MutableView first = *codec.next();
  std::ranges::fill(first, uint8_t{0});
  EXPECT_EQ(to_bytes(*codec.next()), message_of(8, 2));
  EXPECT_EQ(to_bytes(first), Bytes(8, 0));  // the first view still lives
}

TEST(LengthPrefixed, RefusesALengthOverTheLimitBeforeTheMessageCame) {
  LengthPrefixedCodec codec;
  MutableView space = codec.free_space();
  LengthPrefixedCodec::write_header(space, 101);
  codec.filled(LengthPrefixedCodec::header_size);
  EXPECT_EQ(reason_of([&] { codec.next(100); }), Reason::too_large);
}

TEST(LengthPrefixed, RefusesToEncodeWhatTheHeaderCannotHold) {
  Bytes out;
  EXPECT_EQ(reason_of([&] { LengthPrefixedCodec::encode(out, Bytes(65536)); }), Reason::too_large);
  EXPECT_TRUE(out.empty());
}

TEST(LengthPrefixed, MemoryIsGivenBackWhenLittleComes) {
  Bytes stream;
  for (int i = 0; i < 50; ++i) LengthPrefixedCodec::encode(stream, message_of(65535, 0));
  LengthPrefixedCodec codec;
  EXPECT_LE(codec.free_space().size(), size_t{4} << 10);
  decode_in_chunks(codec, stream, stream.size());

  Bytes little;
  LengthPrefixedCodec::encode(little, message_of(10, 0));
  for (int i = 0; i < 10; ++i) decode_in_chunks(codec, little, little.size());
  EXPECT_LE(codec.free_space().size(), size_t{4} << 10);
}

TEST(LengthPrefixed, RefusesToReadAheadOfWholeMessages) {
  LengthPrefixedCodec codec;
  EXPECT_EQ(reason_of([&] {
              for (;;) {
                MutableView space = codec.free_space();
                std::ranges::fill(space, uint8_t{0});
                codec.filled(space.size());
              }
            }),
            Reason::internal);
}

}  // namespace
}  // namespace qnpc::codec
