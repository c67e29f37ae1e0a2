// x25519: RFC 7748, from libsodium.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/random.h"
#include "qnpc/base/secret.h"

namespace qnpc::crypto {

inline constexpr size_t x25519_key_size = 32;

struct X25519KeyPair {
  Secret private_key;
  ByteArray<x25519_key_size> public_key{};
};

X25519KeyPair generate_x25519_key(Random& random);
/// Throws Reason::bad_key unless 32 bytes.
X25519KeyPair x25519_key_from_private(View private_key);
/// The shared secret, 32 bytes. Throws Reason::bad_key where the peer's key has the wrong size or
/// low order, so that the result would be zero whatever our key is (RFC 7748 6.1).
Secret x25519(const Secret& private_key, View peer_public_key);
/// Whether x25519() refuses that key of 32 bytes, for the price of a comparison.
bool has_low_order(View public_key);

}  // namespace qnpc::crypto
