// qnpc-noise-peer: our half of a live handshake with another implementation, over stdin and stdout,
// in frames as on the wire (docs/noise.md).
//
//   qnpc-noise-peer initiator|responder
//
// After the handshake it sends one message, the handshake hash and the peer's static key, so that
// the other side can compare; then it sends every message back, until the peer closes.
#include <unistd.h>

#include <iostream>
#include <string_view>

#include "qnpc/base/error.h"
#include "qnpc/codec/length_prefixed.h"
#include "qnpc/crypto/system_random.h"
#include "qnpc/noise/handshake.h"

namespace {

using namespace qnpc;
using codec::LengthPrefixedCodec;

MutableView receive(LengthPrefixedCodec& input) {
  for (;;) {
    if (auto message = input.next()) return *message;
    MutableView space = input.free_space();
    const ssize_t n = read(STDIN_FILENO, space.data(), space.size());
    if (n <= 0) throw Error(Reason::truncated, "the peer is gone");
    input.filled(static_cast<size_t>(n));
  }
}

void send(View message) {
  Bytes frame;
  LengthPrefixedCodec::encode(frame, message);
  for (View rest = frame; !rest.empty();) {
    const ssize_t n = write(STDOUT_FILENO, rest.data(), rest.size());
    if (n <= 0) throw Error(Reason::io, "stdout cannot be written");
    rest = rest.subspan(static_cast<size_t>(n));
  }
}

void send_sealed(noise::Transport& transport, View plaintext) {
  Bytes message(plaintext.size() + noise::tag_size);
  transport.seal_into(message, plaintext);
  send(message);
}

noise::Transport shake_hands(noise::Role role, LengthPrefixedCodec& input) {
  crypto::SystemRandom random;
  noise::Handshake handshake(noise::xx, role, crypto::generate_x25519_key(random), random);
  while (!handshake.complete()) {
    if (handshake.my_turn()) {
      send(handshake.write_message());
    } else {
      handshake.read_message(receive(input));
    }
  }
  return std::move(handshake).finish();
}

void run(noise::Role role) {
  LengthPrefixedCodec input;
  noise::Transport transport = shake_hands(role, input);
  Bytes channel = to_bytes(transport.handshake_hash());
  append(channel, transport.remote_static());
  send_sealed(transport, channel);
  for (;;) {
    MutableView plaintext = transport.open(receive(input));
    send_sealed(transport, plaintext);
    if (plaintext.empty()) return;  // the authenticated close, answered with ours
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view role = argc == 2 ? argv[1] : "";
  if (role != "initiator" && role != "responder") {
    std::cerr << "usage: qnpc-noise-peer initiator|responder\n";
    return 2;
  }
  try {
    run(role == "initiator" ? noise::Role::initiator : noise::Role::responder);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "qnpc-noise-peer: " << error.what() << '\n';
    return 1;
  }
}
