#include "qnpc/crypto/sealed_box.h"

#include <sodium.h>

#include "qnpc/base/error.h"

namespace qnpc::crypto {
namespace {

constexpr size_t nonce_size = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t tag_size = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(box_overhead == nonce_size + tag_size);
static_assert(box_key_size == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(passphrase_salt_size == crypto_pwhash_SALTBYTES);

void require_key(const Secret& key) {
  if (key.size() != box_key_size) throw Error(Reason::bad_key, "a box key has 32 bytes");
}

}  // namespace

Bytes box_seal(const Secret& key, View aad, View plaintext, Random& random) {
  require_key(key);
  Bytes out(plaintext.size() + box_overhead);
  random.fill(MutableView(out).first(nonce_size));
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + nonce_size, nullptr, plaintext.data(),
                                             plaintext.size(), aad.data(), aad.size(), nullptr,
                                             out.data(), key.reveal().data());
  return out;
}

Secret box_open(const Secret& key, View aad, View sealed) {
  require_key(key);
  if (sealed.size() < box_overhead) throw Error(Reason::decrypt_failed, "a box is too short");
  Secret out(sealed.size() - box_overhead);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(out.reveal_mutable().data(), nullptr, nullptr,
                                                 sealed.data() + nonce_size,
                                                 sealed.size() - nonce_size, aad.data(), aad.size(),
                                                 sealed.data(), key.reveal().data()) != 0) {
    throw Error(Reason::decrypt_failed, "a box's tag does not verify");
  }
  return out;
}

Secret key_from_passphrase(View passphrase, View salt, const PassphraseCost& cost) {
  if (salt.size() != passphrase_salt_size) throw Error(Reason::bad_key, "salt of wrong size");
  Secret out(box_key_size);
  if (crypto_pwhash(out.reveal_mutable().data(), out.size(),
                    reinterpret_cast<const char*>(passphrase.data()), passphrase.size(),
                    salt.data(), cost.operations, cost.memory_bytes,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    throw Error(Reason::internal, "Argon2id could not get its memory");
  }
  return out;
}

}  // namespace qnpc::crypto
