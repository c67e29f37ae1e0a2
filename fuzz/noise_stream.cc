// What comes through a socket: frames, the handshake in them and the messages behind it, edited and
// cut into reads of any size. What is delivered is what the peer sent, from its beginning; an end
// that the peer did not announce is an error.

#include <kj/timer.h>

#include <algorithm>

#include "fuzz/edits.h"
#include "fuzz/noise_peers.h"
#include "qnpc/noise/stream.h"

using namespace qnpc;

namespace {

// How much each read gives, over and over.
class ReadSizes {
 public:
  explicit ReadSizes(View bytes) : bytes_(bytes) {}
  size_t next() {
    const size_t byte = bytes_[at_++ % bytes_.size()];
    return 1 + byte * byte;
  }

 private:
  View bytes_;
  size_t at_ = 0;
};

// A socket whose peer has sent all and closed, and takes whatever is written.
class SentSocket final : public kj::AsyncIoStream {
 public:
  SentSocket(View sent, ReadSizes sizes) : sent_(sent), sizes_(sizes) {}

  kj::Promise<size_t> tryRead(void* buffer, size_t min, size_t max) override {
    const size_t n = std::min({std::max(min, sizes_.next()), max, sent_.size()});
    std::copy_n(sent_.begin(), n, static_cast<uint8_t*>(buffer));
    sent_ = sent_.subspan(n);
    return n;
  }
  kj::Promise<void> write(const void*, size_t) override { return kj::READY_NOW; }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>>) override {
    return kj::READY_NOW;
  }
  kj::Promise<void> whenWriteDisconnected() override { return kj::NEVER_DONE; }
  void shutdownWrite() override {}

 private:
  View sent_;
  ReadSizes sizes_;
};

class Attack {
 public:
  const fuzz::Transcript& transcript(noise::Suite suite) const {
    return suite == noise::Suite::hybrid ? hybrid_ : classic_;
  }

  // `role` reads `sent`, which is what an honest peer sends unless it was harmed.
  void read_stream(noise::Role role, noise::Suite suite, View sent, bool harmed, ReadSizes sizes) {
    suites_ = noise::preferring(suite);
    delivered_.clear();
    bool ended = false;
    try {
      auto stream = opened(role, kj::heap<SentSocket>(sent, sizes)).wait(scope_);
      ended = deliver_all(*stream, sizes);
    } catch (const kj::Exception& error) {
      fuzz::must(harmed && error.getType() == kj::Exception::Type::DISCONNECTED);
    }
    const View all = transcript(suite).plaintext;
    fuzz::must(delivered_.size() <= all.size() && equal(delivered_, all.first(delivered_.size())));
    fuzz::must(!ended || delivered_.size() == all.size());
  }

 private:
  kj::Promise<kj::Own<noise::NoiseStream>> opened(noise::Role role,
                                                  kj::Own<kj::AsyncIoStream> socket) {
    if (role == noise::Role::responder) {
      random_ = fuzz::Peers::responders_random();
      return noise::accept(kj::mv(socket), endpoint(peers_.responder));
    }
    random_ = fuzz::Peers::initiators_random();
    return noise::connect(
        kj::mv(socket), endpoint(peers_.initiator),
        [this](const noise::PublicKey& key) { fuzz::must(key == peers_.responder.public_key); });
  }

  noise::Endpoint endpoint(const noise::StaticKey& key) {
    noise::StreamOptions options;
    options.suites = suites_;
    return {key, random_, timer_, options};
  }

  bool deliver_all(noise::NoiseStream& stream, ReadSizes sizes) {
    while (true) {
      Bytes buffer(sizes.next());
      const size_t n = stream.tryRead(buffer.data(), 1, buffer.size()).wait(scope_);
      if (n == 0) return true;
      append(delivered_, View(buffer).first(n));
    }
  }

  const fuzz::Peers peers_{};
  const fuzz::Transcript classic_{peers_, noise::Suite::classic};
  const fuzz::Transcript hybrid_{peers_, noise::Suite::hybrid};
  kj::EventLoop loop_;
  kj::WaitScope scope_{loop_};
  noise::Suites suites_;
  kj::TimerImpl timer_{kj::origin<kj::TimePoint>()};
  test::SeededRandom random_{0};
  Bytes delivered_;
};

size_t length_at(View bytes, size_t at) { return size_t{bytes[at]} << 8 | bytes[at + 1]; }

// The codec against the plainest reading of the same bytes.
void read_frames(View bytes, ReadSizes sizes, size_t limit) {
  constexpr size_t header = codec::LengthPrefixedCodec::header_size;
  codec::LengthPrefixedCodec codec;
  size_t at = 0;  // of the next frame
  try {
    for (View rest = bytes; !rest.empty();) {
      MutableView space = codec.free_space();
      const size_t n = std::min({space.size(), sizes.next(), rest.size()});
      std::copy_n(rest.begin(), n, space.begin());
      codec.filled(n);
      rest = rest.subspan(n);
      while (auto message = codec.next(limit)) {
        fuzz::must(message->size() <= limit && message->size() == length_at(bytes, at) &&
                   equal(*message, bytes.subspan(at + header, message->size())));
        at += header + message->size();
      }
    }
  } catch (const Error& error) {
    fuzz::must(error.reason() == Reason::too_large && length_at(bytes, at) > limit);
    return;
  }
  fuzz::must(codec.holds_bytes() == (at != bytes.size()));
  fuzz::must(at + header > bytes.size() || at + header + length_at(bytes, at) > bytes.size());
}

}  // namespace

// The first byte: who reads, 2 for the codec's limit, 4 for the hybrid suite, 0x80 for the script
// in the place of the peer's bytes. Four more say how much each read gives.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Attack attack;
  constexpr size_t head = 5;
  if (size < head) return 0;
  const ReadSizes sizes(View{data, head}.subspan(1));
  const View script = View{data, size}.subspan(head);
  const bool responds = (data[0] & 1) != 0;
  const noise::Suite suite = (data[0] & 4) != 0 ? noise::Suite::hybrid : noise::Suite::classic;
  const fuzz::Transcript& transcript = attack.transcript(suite);
  const Bytes& honest = responds ? transcript.initiators : transcript.responders;
  const Bytes sent = (data[0] & 0x80) != 0 ? to_bytes(script) : fuzz::edited(honest, script);
  attack.read_stream(responds ? noise::Role::responder : noise::Role::initiator, suite, sent,
                     sent != honest, sizes);
  read_frames(sent, sizes, (data[0] & 2) != 0 ? 256 : codec::LengthPrefixedCodec::max_message);
  return 0;
}
