#include "qnpc/crypto/x25519.h"

#include <sodium.h>

#include <algorithm>

#include "qnpc/base/error.h"

namespace qnpc::crypto {
namespace {

using Point = ByteArray<x25519_key_size>;

// 2^255 - 19 + n in little-endian order, for n of -1, 0 and 1.
constexpr Point field_prime_plus(int n) {
  Point out;
  out.fill(0xff);
  out[0] = static_cast<uint8_t>(0xed + n);
  out[31] = 0x7f;
  return out;
}

// The u-coordinates of order 1, 2, 4 and 8, and their second encodings below 2^255.
constexpr Point low_order[] = {
    {0},
    {1},
    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
     0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
     0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00},
    {0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
     0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
     0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57},
    field_prime_plus(-1),
    field_prime_plus(0),
    field_prime_plus(1),
};

}  // namespace

bool has_low_order(View public_key) {
  Point point{};
  std::ranges::copy(public_key.first(point.size()), point.begin());
  point[31] &= 0x7f;  // the highest bit is not part of u (RFC 7748 5)
  return std::ranges::find(low_order, point) != std::end(low_order);
}

X25519KeyPair generate_x25519_key(Random& random) {
  Secret private_key = random.secret(x25519_key_size);
  return x25519_key_from_private(private_key.reveal());
}

X25519KeyPair x25519_key_from_private(View private_key) {
  if (private_key.size() != x25519_key_size) {
    throw Error(Reason::bad_key, "an X25519 private key has 32 bytes");
  }
  X25519KeyPair key{Secret::copy_of(private_key), {}};
  crypto_scalarmult_base(key.public_key.data(), private_key.data());
  return key;
}

Secret x25519(const Secret& private_key, View peer_public_key) {
  if (private_key.size() != x25519_key_size || peer_public_key.size() != x25519_key_size) {
    throw Error(Reason::bad_key, "an X25519 key has 32 bytes");
  }
  Secret out(x25519_key_size);
  // libsodium answers -1 where the result is zero.
  if (crypto_scalarmult(out.reveal_mutable().data(), private_key.reveal().data(),
                        peer_public_key.data()) != 0) {
    throw Error(Reason::bad_key, "the peer's X25519 key has low order");
  }
  return out;
}

}  // namespace qnpc::crypto
