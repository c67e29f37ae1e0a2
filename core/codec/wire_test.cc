#include "qnpc/codec/wire.h"

#include <gtest/gtest.h>

namespace qnpc::codec {
namespace {

enum class Kind : uint16_t { one = 1 };

struct Inner {
  Kind kind{};
  Bytes data;
  static auto wire(auto& m) { return std::tie(m.kind, m.data); }
};

struct Outer {
  uint8_t version = 0;
  ByteArray<2> fixed{};
  std::optional<Inner> maybe;
  std::vector<Inner> many;
  uint64_t number = 0;
  static auto wire(auto& m) { return std::tie(m.version, m.fixed, m.maybe, m.many, m.number); }
};

struct WithSecret {
  Secret key;
  static auto wire(auto& m) { return std::tie(m.key); }
};

TEST(Wire, RoundTrip) {
  // The vector holds {kind 1, no data} and {kind 9, cc}: 3 + 4 bytes.
  Bytes bytes = *from_hex("070a0b01000102aabb07000100000901cc0000000000000100");
  Outer outer = decode<Outer>(bytes);
  EXPECT_EQ(outer.version, 7);
  EXPECT_EQ(outer.maybe->data, (Bytes{0xaa, 0xbb}));
  ASSERT_EQ(outer.many.size(), 2u);
  EXPECT_EQ(static_cast<int>(outer.many[1].kind), 9);
  EXPECT_EQ(outer.number, 256u);
  EXPECT_EQ(encode(outer), bytes);
}

TEST(Wire, EveryTruncationAndEveryTrailingByteIsRefused) {
  Bytes bytes = *from_hex("070a0b01000102aabb07000100000901cc0000000000000100");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(decode<Outer>(View(bytes).first(size)), Error) << size;
  }
  bytes.push_back(0);
  EXPECT_THROW(decode<Outer>(bytes), Error);
}

TEST(Wire, OptionalTakesOnlyZeroAndOne) {
  EXPECT_THROW(decode<std::optional<uint8_t>>(Bytes{2, 0}), Error);
  EXPECT_EQ(decode<std::optional<uint8_t>>(Bytes{0}), std::nullopt);
}

TEST(Wire, SecretsEncodeOnlyIntoSecrets) {
  WithSecret value{Secret::copy_of(as_view("k"))};
  Secret encoded = encode_secret(value);
  EXPECT_EQ(to_hex(encoded.reveal()), "016b");
  static_assert(!std::is_invocable_v<decltype(Wire<Secret>::write), Writer&, const Secret&>);
}

}  // namespace
}  // namespace qnpc::codec
