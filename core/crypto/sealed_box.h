// sealed_box: what rests on a disk. XChaCha20-Poly1305 under a key from a passphrase (Argon2id) or
// from a key file, from libsodium.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/random.h"
#include "qnpc/base/secret.h"

namespace qnpc::crypto {

inline constexpr size_t box_key_size = 32;
inline constexpr size_t box_overhead = 24 + 16;  // random nonce in front, tag behind
inline constexpr size_t passphrase_salt_size = 16;

/// Random nonce || ciphertext || tag. `aad` says what and where the value is.
Bytes box_seal(const Secret& key, View aad, View plaintext, Random& random);
/// Throws Reason::decrypt_failed.
Secret box_open(const Secret& key, View aad, View sealed);

/// Argon2id with libsodium's "interactive" cost, or the costs given (stored beside the salt).
struct PassphraseCost {
  uint64_t operations = 2;
  uint64_t memory_bytes = uint64_t{64} << 20;
};
Secret key_from_passphrase(View passphrase, View salt, const PassphraseCost& cost);

}  // namespace qnpc::crypto
