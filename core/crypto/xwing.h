// xwing: the KEM X-Wing (ML-KEM-768 and X25519), draft-connolly-cfrg-xwing-kem, from libsodium.
// Private to this room: it is one of HPKE's KEMs.
#pragma once

#include "qnpc/crypto/hpke.h"

namespace qnpc::crypto {

inline constexpr size_t xwing_private_key_size = 32;  // the seed of everything else
inline constexpr size_t xwing_public_key_size = 1216;
inline constexpr size_t xwing_encapsulation_seed_size = 64;

/// DeriveKeyPair of the draft's section 5.8: SHAKE256(ikm) is the private key.
HpkeKeyPair xwing_derive_key(View ikm);
/// Throws Reason::bad_key unless 32 bytes.
HpkeKeyPair xwing_key_from_private(View private_key);
/// Whether xwing_encapsulate takes that key: its ML-KEM half is canonical, its X25519 half has no
/// low order (RFC 9180 7.1.4).
bool valid_xwing_key(View public_key);

/// Both throw Reason::bad_key: for wrong sizes, a key that is not valid, and a ciphertext whose
/// X25519 half has low order.
HpkeEncapsulation xwing_encapsulate(View public_key, View seed);
Secret xwing_decapsulate(const Secret& private_key, View ciphertext);

}  // namespace qnpc::crypto
