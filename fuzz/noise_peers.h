// noise_peers: two honest ends of Noise channels, with fixed keys, static and ephemeral: the same
// messages every time.
#pragma once

#include "qnpc/codec/length_prefixed.h"
#include "qnpc/noise/handshake.h"
#include "qnpc/noise/suite.h"
#include "tests/support/seeded_random.h"

namespace qnpc::fuzz {

struct Peers {
  test::SeededRandom random{1};
  noise::StaticKey initiator = crypto::generate_x25519_key(random);
  noise::StaticKey responder = crypto::generate_x25519_key(random);

  /// Whose randomness has to be as new as this for the same messages.
  static test::SeededRandom initiators_random() { return test::SeededRandom{2}; }
  static test::SeededRandom responders_random() { return test::SeededRandom{3}; }
};

/// All that each side sends in a channel: its part of the handshake, some plaintexts, the close.
struct Transcript {
  std::vector<Bytes> handshake;  // the three messages
  Bytes initiators, responders;  // in frames
  Bytes plaintext;               // of all frames of either side
  noise::HandshakeHash handshake_hash{};

  Transcript(const Peers& peers, noise::Suite suite) {
    const noise::Pattern& pattern = noise::pattern_of(suite);
    test::SeededRandom r1 = Peers::initiators_random(), r2 = Peers::responders_random();
    noise::Handshake initiator(pattern, noise::Role::initiator, peers.initiator, r1);
    noise::Handshake responder(pattern, noise::Role::responder, peers.responder, r2);
    auto pass = [this, suite](noise::Handshake& from, noise::Handshake& to, Bytes& sent) {
      const Bytes suites = noise::to_payload(noise::preferring(suite));
      handshake.push_back(from.write_message(handshake.empty() ? View() : suites));
      to.read_message(handshake.back());
      codec::LengthPrefixedCodec::encode(sent, handshake.back());
    };
    pass(initiator, responder, initiators);
    pass(responder, initiator, responders);
    pass(initiator, responder, initiators);
    noise::Transport ours = std::move(initiator).finish();
    handshake_hash = ours.handshake_hash();
    noise::Transport theirs = std::move(responder).finish();
    for (size_t size : {1, 300, 40, 5000, 0}) {  // one of nothing is the close
      const Bytes piece(size, static_cast<uint8_t>(size));
      append(plaintext, piece);
      send(ours, piece, initiators);
      send(theirs, piece, responders);
    }
  }

 private:
  static void send(noise::Transport& transport, View plaintext, Bytes& out) {
    Bytes message(plaintext.size() + noise::tag_size);
    transport.seal_into(message, plaintext);
    codec::LengthPrefixedCodec::encode(out, message);
  }
};

}  // namespace qnpc::fuzz
