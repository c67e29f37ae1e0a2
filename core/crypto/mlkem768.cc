#include "qnpc/crypto/mlkem768.h"

#include <sodium.h>

#include "qnpc/base/error.h"

namespace qnpc::crypto {
namespace {

constexpr size_t private_key_size = crypto_kem_mlkem768_SECRETKEYBYTES;
constexpr size_t keygen_seed_size = crypto_kem_mlkem768_SEEDBYTES;  // d and z of FIPS 203 7.1
constexpr size_t encapsulation_seed_size = 32;                      // m of 7.2
constexpr size_t matrix_seed_size = 32;  // rho, behind the coefficients of a public key
constexpr unsigned modulus = 3329;
static_assert(mlkem768_public_key_size == crypto_kem_mlkem768_PUBLICKEYBYTES);
static_assert(mlkem768_ciphertext_size == crypto_kem_mlkem768_CIPHERTEXTBYTES);

}  // namespace

MlKem768KeyPair generate_mlkem768_key(Random& random) {
  Secret seed = random.secret(keygen_seed_size);
  MlKem768KeyPair key{Secret(private_key_size), Bytes(mlkem768_public_key_size)};
  crypto_kem_mlkem768_seed_keypair(key.public_key.data(), key.private_key.reveal_mutable().data(),
                                   seed.reveal().data());
  return key;
}

MlKem768Encapsulation mlkem768_encapsulate(View public_key, Random& random) {
  if (public_key.size() != mlkem768_public_key_size) {
    throw Error(Reason::bad_key, "an ML-KEM-768 public key has 1184 bytes");
  }
  Secret seed = random.secret(encapsulation_seed_size);
  MlKem768Encapsulation out{Secret(crypto_kem_mlkem768_SHAREDSECRETBYTES),
                            Bytes(mlkem768_ciphertext_size)};
  // libsodium answers -1 where the key fails the modulus check.
  if (crypto_kem_mlkem768_enc_deterministic(out.ciphertext.data(),
                                            out.shared_secret.reveal_mutable().data(),
                                            public_key.data(), seed.reveal().data()) != 0) {
    throw Error(Reason::bad_key, "the ML-KEM-768 public key is not canonical");
  }
  return out;
}

Secret mlkem768_decapsulate(const Secret& private_key, View ciphertext) {
  if (private_key.size() != private_key_size || ciphertext.size() != mlkem768_ciphertext_size) {
    throw Error(Reason::bad_key, "an ML-KEM-768 key or ciphertext of the wrong size");
  }
  Secret out(crypto_kem_mlkem768_SHAREDSECRETBYTES);
  if (crypto_kem_mlkem768_dec(out.reveal_mutable().data(), ciphertext.data(),
                              private_key.reveal().data()) != 0) {
    throw Error(Reason::bad_key, "not an ML-KEM-768 private key");
  }
  return out;
}

bool valid_mlkem768_key(View public_key) {
  if (public_key.size() != mlkem768_public_key_size) return false;
  // Two coefficients of 12 bits stand in three bytes (ByteEncode of FIPS 203 4.2.1).
  for (size_t i = 0; i < mlkem768_public_key_size - matrix_seed_size; i += 3) {
    const unsigned first = public_key[i] | (public_key[i + 1] & 0x0fU) << 8;
    const unsigned second = public_key[i + 1] >> 4 | static_cast<unsigned>(public_key[i + 2]) << 4;
    if (first >= modulus || second >= modulus) return false;
  }
  return true;
}

}  // namespace qnpc::crypto
