// handshake: HandshakeState of the Noise specification, 5.3. Pure: messages in, messages out.
//
//   Handshake handshake(xx, Role::initiator, static_key, random);
//   send(handshake.write_message());
//   handshake.read_message(received);
//   send(handshake.write_message());
//   Transport transport = std::move(handshake).finish();
//
// A step that fails leaves the handshake dead: nothing can be read, written or finished any more.
#pragma once

#include <optional>

#include "qnpc/base/bytes.h"
#include "qnpc/base/random.h"
#include "qnpc/crypto/mlkem768.h"
#include "qnpc/noise/pattern.h"
#include "qnpc/noise/symmetric_state.h"
#include "qnpc/noise/transport.h"

namespace qnpc::noise {

enum class Role { initiator, responder };

class Handshake {
 public:
  /// Both sides must give the same prologue. `random` must outlive the handshake.
  Handshake(const Pattern& pattern, Role role, const StaticKey& s, Random& random,
            View prologue = {});

  /// Whether all messages were exchanged, so that finish() may be called.
  bool complete() const { return done_ == pattern_.messages.size(); }
  /// Whether the next message is ours to write.
  bool my_turn() const;

  /// Throws Reason::too_large where the message would be over 65535 bytes, and Reason::bad_key
  /// where the peer's key has low order, or its KEM key is not canonical.
  Bytes write_message(View payload = {});
  /// Returns the payload. Throws Reason::handshake_failed for any message that is not the peer's
  /// next one: too short, a tag that does not verify, a key of low order.
  Bytes read_message(View message);

  /// The peer's static key, once a message brought it. XX: after the second or the third message.
  const PublicKey& remote_static() const;

  Transport finish() &&;

 private:
  MessagePattern begin_step(bool writing);
  void end_step();
  void mix_dh(Token token);
  void write_ekem1(Bytes& out);
  void read_ekem1(View& rest);
  void read_tokens(MessagePattern tokens, View& rest);
  Bytes take_sealed(View& rest, size_t size);

  Pattern pattern_;
  Role role_;
  Random* random_;
  SymmetricState symmetric_;
  StaticKey s_;
  StaticKey e_;
  crypto::MlKem768KeyPair e1_;
  std::optional<PublicKey> rs_;
  std::optional<PublicKey> re_;
  Bytes re1_;
  size_t done_ = 0;  // messages read or written
  bool dead_ = false;
};

}  // namespace qnpc::noise
