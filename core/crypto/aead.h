// aead: AES-GCM (NIST SP 800-38D) and ChaCha20-Poly1305 (RFC 8439), from OpenSSL.
#pragma once

#include <memory>

#include "qnpc/base/bytes.h"
#include "qnpc/base/secret.h"

namespace qnpc::crypto {

enum class Aead { aes_128_gcm, aes_256_gcm, chacha20_poly1305 };

size_t aead_key_size(Aead aead);  // 16 or 32 bytes
inline constexpr size_t aead_nonce_size = 12;
inline constexpr size_t aead_tag_size = 16;

/// One key, ready for many messages. The nonce is the caller's: never use one twice.
class AeadKey {
 public:
  /// Throws Reason::bad_key unless `key` has aead_key_size bytes.
  AeadKey(Aead aead, View key);
  AeadKey(AeadKey&&) noexcept;
  AeadKey& operator=(AeadKey&&) noexcept;
  ~AeadKey();

  /// Writes ciphertext and tag, plaintext.size() + aead_tag_size bytes, to `out`. `out` may begin
  /// where `plaintext` begins (in place), and must not overlap it otherwise.
  void seal_into(MutableView out, View nonce, View aad, View plaintext);
  /// Writes ciphertext.size() - aead_tag_size bytes to `out`; overlap as above. Throws
  /// Reason::decrypt_failed where the tag does not verify, and then `out` holds zeros.
  void open_into(MutableView out, View nonce, View aad, View ciphertext);

  Bytes seal(View nonce, View aad, View plaintext);
  Secret open(View nonce, View aad, View ciphertext);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A key that is used once.
Bytes aead_seal(Aead aead, View key, View nonce, View aad, View plaintext);
Secret aead_open(Aead aead, View key, View nonce, View aad, View ciphertext);

}  // namespace qnpc::crypto
