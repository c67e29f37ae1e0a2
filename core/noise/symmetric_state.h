// symmetric_state: the chaining key and the handshake hash, Noise specification 5.2, with SHA-256.
#pragma once

#include <string_view>
#include <utility>

#include "qnpc/base/bytes.h"
#include "qnpc/base/secret.h"
#include "qnpc/noise/cipher_state.h"

namespace qnpc::noise {

inline constexpr size_t hash_len = 32;
using HandshakeHash = ByteArray<hash_len>;

class SymmetricState {
 public:
  explicit SymmetricState(std::string_view protocol_name);

  void mix_key(View input_key_material);
  void mix_hash(View data);

  /// Appends the ciphertext to `out`.
  void encrypt_and_hash(Bytes& out, View plaintext);
  /// Throws Reason::decrypt_failed.
  Bytes decrypt_and_hash(View ciphertext);
  /// What encrypt_and_hash adds to a plaintext now, in bytes.
  size_t overhead() const { return cipher_.overhead(); }

  const HandshakeHash& handshake_hash() const { return h_; }
  /// The ciphers of the transport: initiator to responder, then responder to initiator.
  std::pair<CipherState, CipherState> split() const;

 private:
  CipherState cipher_;
  Secret ck_;
  HandshakeHash h_{};
};

}  // namespace qnpc::noise
