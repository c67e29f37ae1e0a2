// mlkem768: ML-KEM-768, FIPS 203, from libsodium.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/random.h"
#include "qnpc/base/secret.h"

namespace qnpc::crypto {

inline constexpr size_t mlkem768_public_key_size = 1184;
inline constexpr size_t mlkem768_ciphertext_size = 1088;

struct MlKem768KeyPair {
  Secret private_key;
  Bytes public_key;
};

struct MlKem768Encapsulation {
  Secret shared_secret;  // 32 bytes
  Bytes ciphertext;
};

MlKem768KeyPair generate_mlkem768_key(Random& random);

/// ML-KEM.Encaps. Throws Reason::bad_key for a key of the wrong size, or one that is not canonical.
MlKem768Encapsulation mlkem768_encapsulate(View public_key, Random& random);
/// ML-KEM.Decaps: a ciphertext that was changed yields another secret and no error (FIPS 203 6.3).
/// Throws Reason::bad_key for sizes that are wrong.
Secret mlkem768_decapsulate(const Secret& private_key, View ciphertext);

/// The modulus check of FIPS 203 7.2: 1184 bytes, each coefficient of which is below q.
bool valid_mlkem768_key(View public_key);

}  // namespace qnpc::crypto
