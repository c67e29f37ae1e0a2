// Noise XX and XXhfs against a hostile peer or network: of the three messages of the handshake, and
// one of the transport in each direction, one is edited on its way. Initiator and responder read in
// turns.

#include "fuzz/edits.h"
#include "fuzz/noise_peers.h"
#include "qnpc/base/error.h"

using namespace qnpc;

namespace {

constexpr size_t handshake_messages = 3;
constexpr size_t messages = handshake_messages + 2;

class Attack {
 public:
  // The first byte: which message, 8 for XXhfs, 0x80 for the script in the message's place.
  Attack(const fuzz::Peers& peers, View input)
      : target_(input[0] % 8 % messages),
        replace_((input[0] & 0x80) != 0),
        script_(input.subspan(1)),
        pattern_((input[0] & 8) != 0 ? noise::xxhfs : noise::xx),
        initiator_(pattern_, noise::Role::initiator, peers.initiator, r1_),
        responder_(pattern_, noise::Role::responder, peers.responder, r2_) {}

  void run() {
    try {
      for (size_t i = 0; i < handshake_messages; ++i) {
        auto& [writer, reader] = i % 2 == 0 ? there_ : back_;
        const Bytes read = read_or_die(reader, carried(i, writer.write_message(payload_)));
        fuzz::must(harmed_ || equal(read, payload_));
      }
      fuzz::must(!harmed_);  // what one wrote and the other read is part of what both agree on
      noise::Transport ends[] = {std::move(initiator_).finish(), std::move(responder_).finish()};
      fuzz::must(ends[0].handshake_hash() == ends[1].handshake_hash());
      for (size_t i : {size_t{0}, size_t{1}})
        transfer(ends[i], ends[1 - i], handshake_messages + i);
    } catch (const Error& error) {
      fuzz::must(harmed_);
      fuzz::must(error.reason() == Reason::handshake_failed || error.reason() == Reason::bad_key ||
                 error.reason() == Reason::decrypt_failed);
    }
  }

 private:
  struct Way {
    noise::Handshake& writer;
    noise::Handshake& reader;
  };

  Bytes carried(size_t i, Bytes message) {
    if (i != target_) return message;
    Bytes out = replace_ ? to_bytes(script_) : fuzz::edited(message, script_);
    harmed_ = out != message;
    return out;
  }

  // A handshake that refused a message is over.
  static Bytes read_or_die(noise::Handshake& reader, const Bytes& message) {
    try {
      return reader.read_message(message);
    } catch (const Error&) {
      fuzz::must(!reader.complete() && !reader.my_turn());
      throw;
    }
  }

  void transfer(noise::Transport& from, noise::Transport& to, size_t i) {
    Bytes sealed(payload_.size() + noise::tag_size);
    from.seal_into(sealed, payload_);
    Bytes message = carried(i, std::move(sealed));
    const View opened = to.open(message);
    fuzz::must(!harmed_ && equal(opened, payload_));
  }

  const View payload_ = as_view("payload");
  size_t target_;
  bool replace_;
  View script_;
  const noise::Pattern& pattern_;
  bool harmed_ = false;
  test::SeededRandom r1_ = fuzz::Peers::initiators_random();
  test::SeededRandom r2_ = fuzz::Peers::responders_random();
  noise::Handshake initiator_;
  noise::Handshake responder_;
  Way there_{initiator_, responder_};
  Way back_{responder_, initiator_};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const fuzz::Peers peers;
  if (size > 0) Attack(peers, {data, size}).run();
  return 0;
}
