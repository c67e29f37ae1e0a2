#include "qnpc/crypto/aead.h"

#include <sodium.h>

#include <algorithm>

#include "qnpc/base/error.h"
#include "qnpc/crypto/openssl.h"

namespace qnpc::crypto {
namespace {

const EVP_CIPHER* fetched(Aead aead) {
  static const EVP_CIPHER* const aes_128 = must(EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr));
  static const EVP_CIPHER* const aes_256 = must(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
  static const EVP_CIPHER* const chacha =
      must(EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr));
  switch (aead) {
    case Aead::aes_128_gcm: return aes_128;
    case Aead::aes_256_gcm: return aes_256;
    case Aead::chacha20_poly1305: return chacha;
  }
  throw Error(Reason::internal, "no such AEAD");
}

int length_of(View data) {
  if (data.size() > size_t{1} << 30) throw Error(Reason::too_large, "AEAD input is over 1 GiB");
  return static_cast<int>(data.size());
}

// For a key that is used once, libsodium has less to set up than OpenSSL has, which is quicker from
// some 700 bytes on: 0.33 against 0.65 us for 32 bytes, 3.05 against 1.70 us for 4,096.
bool is_for_sodium(Aead aead, View text) {
  constexpr size_t most = 640;
  return aead == Aead::chacha20_poly1305 && text.size() <= most;
}

void require_sizes(View key, View nonce) {
  if (key.size() != crypto_aead_chacha20poly1305_ietf_KEYBYTES) {
    throw Error(Reason::bad_key, "AEAD key of wrong size");
  }
  if (nonce.size() != aead_nonce_size) throw Error(Reason::internal, "AEAD nonce of wrong size");
}

}  // namespace

struct AeadKey::Impl {
  OwnedCipherCtx ctx{must(EVP_CIPHER_CTX_new())};
};

size_t aead_key_size(Aead aead) { return aead == Aead::aes_128_gcm ? 16 : 32; }

AeadKey::AeadKey(Aead aead, View key) : impl_(std::make_unique<Impl>()) {
  if (key.size() != aead_key_size(aead)) throw Error(Reason::bad_key, "AEAD key of wrong size");
  must(EVP_CipherInit_ex2(impl_->ctx.get(), fetched(aead), key.data(), nullptr, 1, nullptr));
}
AeadKey::AeadKey(AeadKey&&) noexcept = default;
AeadKey& AeadKey::operator=(AeadKey&&) noexcept = default;
AeadKey::~AeadKey() = default;

void AeadKey::seal_into(MutableView out, View nonce, View aad, View plaintext) {
  if (nonce.size() != aead_nonce_size || out.size() != plaintext.size() + aead_tag_size) {
    throw Error(Reason::internal, "AEAD buffers of wrong size");
  }
  EVP_CIPHER_CTX* ctx = impl_->ctx.get();
  int n = 0;
  must(EVP_CipherInit_ex2(ctx, nullptr, nullptr, nonce.data(), 1, nullptr));
  if (!aad.empty()) must(EVP_CipherUpdate(ctx, nullptr, &n, aad.data(), length_of(aad)));
  if (!plaintext.empty()) {
    must(EVP_CipherUpdate(ctx, out.data(), &n, plaintext.data(), length_of(plaintext)));
  }
  must(EVP_CipherFinal_ex(ctx, out.data() + plaintext.size(), &n));
  must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, aead_tag_size,
                           out.data() + plaintext.size()));
}

void AeadKey::open_into(MutableView out, View nonce, View aad, View ciphertext) {
  if (ciphertext.size() < aead_tag_size) {
    throw Error(Reason::decrypt_failed, "a ciphertext is shorter than its tag");
  }
  View body = ciphertext.first(ciphertext.size() - aead_tag_size);
  if (nonce.size() != aead_nonce_size || out.size() != body.size()) {
    throw Error(Reason::internal, "AEAD buffers of wrong size");
  }
  ByteArray<aead_tag_size> tag;
  std::copy_n(ciphertext.data() + body.size(), tag.size(), tag.begin());
  EVP_CIPHER_CTX* ctx = impl_->ctx.get();
  int n = 0;
  uint8_t nothing;
  must(EVP_CipherInit_ex2(ctx, nullptr, nullptr, nonce.data(), 0, nullptr));
  if (!aad.empty()) must(EVP_CipherUpdate(ctx, nullptr, &n, aad.data(), length_of(aad)));
  if (!body.empty()) {
    must(EVP_CipherUpdate(ctx, out.data(), &n, body.data(), length_of(body)));
  }
  must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, aead_tag_size, tag.data()));
  if (EVP_CipherFinal_ex(ctx, &nothing, &n) <= 0) {
    wipe(out);
    throw Error(Reason::decrypt_failed, "a ciphertext's tag does not verify");
  }
}

Bytes AeadKey::seal(View nonce, View aad, View plaintext) {
  Bytes out(plaintext.size() + aead_tag_size);
  seal_into(out, nonce, aad, plaintext);
  return out;
}

Secret AeadKey::open(View nonce, View aad, View ciphertext) {
  Secret out(ciphertext.size() < aead_tag_size ? 0 : ciphertext.size() - aead_tag_size);
  open_into(out.reveal_mutable(), nonce, aad, ciphertext);
  return out;
}

Bytes aead_seal(Aead aead, View key, View nonce, View aad, View plaintext) {
  if (!is_for_sodium(aead, plaintext)) return AeadKey(aead, key).seal(nonce, aad, plaintext);
  require_sizes(key, nonce);
  Bytes out(plaintext.size() + aead_tag_size);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(), plaintext.size(),
                                            aad.data(), aad.size(), nullptr, nonce.data(),
                                            key.data());
  return out;
}

Secret aead_open(Aead aead, View key, View nonce, View aad, View ciphertext) {
  if (!is_for_sodium(aead, ciphertext)) return AeadKey(aead, key).open(nonce, aad, ciphertext);
  require_sizes(key, nonce);
  Secret out(ciphertext.size() < aead_tag_size ? 0 : ciphertext.size() - aead_tag_size);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(out.reveal_mutable().data(), nullptr, nullptr,
                                                ciphertext.data(), ciphertext.size(), aad.data(),
                                                aad.size(), nonce.data(), key.data()) != 0) {
    throw Error(Reason::decrypt_failed, "a ciphertext's tag does not verify");
  }
  return out;
}

}  // namespace qnpc::crypto
