// cipher_state: one key and its message counter, Noise specification 5.1 and 12.3 (ChaChaPoly).
#pragma once

#include <optional>

#include "qnpc/base/bytes.h"
#include "qnpc/crypto/aead.h"

namespace qnpc::noise {

inline constexpr size_t key_size = 32;
inline constexpr size_t tag_size = crypto::aead_tag_size;

class CipherState {
 public:
  /// Without a key: encryption is the identity, as before the first DH of a handshake.
  CipherState() = default;
  /// Throws Reason::bad_key unless 32 bytes. `n` counts from 0; only tests begin elsewhere.
  explicit CipherState(View key, uint64_t n = 0);

  bool has_key() const { return key_.has_value(); }
  /// What encryption adds to a plaintext, in bytes.
  size_t overhead() const { return has_key() ? tag_size : 0; }

  /// Writes plaintext.size() + overhead() bytes to `out`, which may begin where `plaintext` begins.
  /// Throws Reason::exhausted when every n was used.
  void encrypt_with_ad(MutableView out, View ad, View plaintext);
  /// Writes ciphertext.size() - overhead() bytes to `out`, which may begin where `ciphertext`
  /// begins. Throws Reason::decrypt_failed, and then n is as before, or Reason::exhausted.
  void decrypt_with_ad(MutableView out, View ad, View ciphertext);
  /// Replaces the key by a one-way function of it; n goes on (11.3). Needs a key.
  void rekey();

 private:
  std::optional<crypto::AeadKey> key_;
  uint64_t n_ = 0;
};

}  // namespace qnpc::noise
