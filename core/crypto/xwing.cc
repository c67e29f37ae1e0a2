#include "qnpc/crypto/xwing.h"

#include <sodium.h>

#include "qnpc/base/error.h"
#include "qnpc/crypto/mlkem768.h"
#include "qnpc/crypto/x25519.h"

namespace qnpc::crypto {

static_assert(xwing_private_key_size == crypto_kem_xwing_SECRETKEYBYTES);
static_assert(xwing_private_key_size == crypto_kem_xwing_SEEDBYTES);
static_assert(xwing_public_key_size == crypto_kem_xwing_PUBLICKEYBYTES);

HpkeKeyPair xwing_derive_key(View ikm) {
  Secret private_key(xwing_private_key_size);
  crypto_xof_shake256(private_key.reveal_mutable().data(), private_key.size(), ikm.data(),
                      ikm.size());
  return xwing_key_from_private(private_key.reveal());
}

HpkeKeyPair xwing_key_from_private(View private_key) {
  if (private_key.size() != xwing_private_key_size) {
    throw Error(Reason::bad_key, "an X-Wing private key has 32 bytes");
  }
  HpkeKeyPair key{Secret(xwing_private_key_size), Bytes(xwing_public_key_size)};
  crypto_kem_xwing_seed_keypair(key.public_key.data(), key.private_key.reveal_mutable().data(),
                                private_key.data());
  return key;
}

bool valid_xwing_key(View public_key) {
  return public_key.size() == xwing_public_key_size &&
         valid_mlkem768_key(public_key.first(mlkem768_public_key_size)) &&
         !has_low_order(public_key.subspan(mlkem768_public_key_size));
}

HpkeEncapsulation xwing_encapsulate(View public_key, View seed) {
  if (public_key.size() != xwing_public_key_size || seed.size() != xwing_encapsulation_seed_size) {
    throw Error(Reason::bad_key, "an X-Wing public key has 1216 bytes, and its seed 64");
  }
  HpkeEncapsulation out{Secret(crypto_kem_xwing_SHAREDSECRETBYTES),
                        Bytes(crypto_kem_xwing_CIPHERTEXTBYTES)};
  // libsodium answers -1 for either half of the key that valid_xwing_key() refuses.
  if (crypto_kem_xwing_enc_deterministic(out.kem_output.data(),
                                         out.shared_secret.reveal_mutable().data(),
                                         public_key.data(), seed.data()) != 0) {
    throw Error(Reason::bad_key, "the X-Wing public key yields no secret");
  }
  return out;
}

Secret xwing_decapsulate(const Secret& private_key, View ciphertext) {
  if (private_key.size() != xwing_private_key_size ||
      ciphertext.size() != crypto_kem_xwing_CIPHERTEXTBYTES) {
    throw Error(Reason::bad_key, "an X-Wing key or ciphertext of the wrong size");
  }
  Secret out(crypto_kem_xwing_SHAREDSECRETBYTES);
  if (crypto_kem_xwing_dec(out.reveal_mutable().data(), ciphertext.data(),
                           private_key.reveal().data()) != 0) {
    throw Error(Reason::bad_key, "the X-Wing ciphertext yields no secret");
  }
  return out;
}

}  // namespace qnpc::crypto
