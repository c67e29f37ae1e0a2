// transport: what a finished handshake leaves behind. Two ciphers, who the peer is, and the hash
// that binds the channel. Noise specification 5 and 11.2.
//
// Messages must be opened in the order in which they were sealed. Nothing here allocates.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/limits.h"
#include "qnpc/crypto/x25519.h"
#include "qnpc/noise/cipher_state.h"
#include "qnpc/noise/symmetric_state.h"

namespace qnpc::noise {

using StaticKey = crypto::X25519KeyPair;
using PublicKey = ByteArray<crypto::x25519_key_size>;

/// The longest plaintext of one transport message, in bytes.
inline constexpr size_t max_plaintext = limits::noise_message - tag_size;

class Transport {
 public:
  Transport(CipherState send, CipherState receive, const HandshakeHash& hash, const PublicKey& rs)
      : send_(std::move(send)), receive_(std::move(receive)), hash_(hash), remote_static_(rs) {}

  /// Writes plaintext.size() + tag_size bytes to `out`, which may begin where `plaintext` begins.
  /// Throws Reason::too_large over max_plaintext, Reason::exhausted after 2^64 - 1 messages.
  void seal_into(MutableView out, View plaintext);
  /// Decrypts where the message lies; returns the plaintext within it. Throws
  /// Reason::decrypt_failed, and then the channel can only be closed.
  MutableView open(MutableView message);

  /// Both sides must do it at the same place in the stream of messages (11.3).
  void rekey_send() { send_.rekey(); }
  void rekey_receive() { receive_.rekey(); }

  /// The same on both sides and different in every handshake: what a proof of identity signs.
  const HandshakeHash& handshake_hash() const { return hash_; }
  const PublicKey& remote_static() const { return remote_static_; }

 private:
  CipherState send_;
  CipherState receive_;
  HandshakeHash hash_;
  PublicKey remote_static_;
};

}  // namespace qnpc::noise
