// What a peer sends through its Noise channel, whatever that is, meets the server's own connection
// and services over a store in memory. Nothing crashes, no call stays behind, and in the end the
// connection is gone.

#include <kj/timer.h>

#include "fuzz/noise_peers.h"
#include "qnpc/noise/stream.h"
#include "server/authentication_service.h"
#include "server/connection.h"
#include "server/delivery_service.h"
#include "server/store/model_store.h"

using namespace qnpc;
using namespace qnpc::server;

namespace {

void must(bool condition) {
  if (!condition) std::abort();
}

/// A new server for each input, so that no input depends on another.
class Door {
 public:
  explicit Door(bool is_open) : access_(store_, {.open_calls = is_open}, metrics_) {}

  void meet(bool is_delivery, bool reads, View bytes) {
    auto client = open(is_delivery);
    auto reading = reads ? read_all(*client).eagerlyEvaluate([](kj::Exception&&) {})
                         : kj::Promise<void>(kj::NEVER_DONE);
    client->write(bytes.data(), bytes.size())
        .then([&] { return client->when_drained(); })
        .catch_([](kj::Exception&&) {})
        .poll(scope_);
    settle();
    must(!reads || gate_->in_flight() == 0);
    // Whatever it was, it ends.
    pass(server::limits::push_stall);
    for (int i = 0; i < 2; ++i) pass(server::limits::connection_idle);
    client = nullptr;
    pass(server::limits::linger);
    must(has_ended_);
  }

 private:
  kj::Own<noise::NoiseStream> open(bool is_delivery) {
    kj::TwoWayPipe pipe = kj::newTwoWayPipe();
    auto accepting = noise::accept(kj::mv(pipe.ends[0]), endpoint(peers_.responder, ours_));
    auto connecting = noise::connect(kj::mv(pipe.ends[1]), endpoint(peers_.initiator, theirs_),
                                     [](const auto&) {});
    auto client = connecting.wait(scope_);
    auto stream = accepting.wait(scope_);
    Peer peer{gate_, stream->handshake_hash(), "a host"};
    auto service = is_delivery ? capnp::Capability::Client(kj::heap<DeliveryService>(
                                     foundation_, subscriptions_, std::move(peer)))
                               : capnp::Capability::Client(
                                     kj::heap<AuthenticationService>(foundation_, std::move(peer)));
    const uint64_t words =
        is_delivery ? server::limits::message_words : server::limits::authentication_message_words;
    connection_ = kj::heap<Connection>(kj::mv(stream), kj::mv(service), gate_, words, timer_);
    served_ = connection_->run(kj::NEVER_DONE)
                  .catch_([](kj::Exception&&) {})
                  .then([this] { has_ended_ = true; })
                  .eagerlyEvaluate(nullptr);
    return client;
  }
  noise::Endpoint endpoint(const noise::StaticKey& key, Random& random) {
    noise::StreamOptions options;
    options.suites = noise::preferring(noise::Suite::classic);
    options.output.read_gate = qnpc::limits::noise_read_gate;
    return {key, random, timer_, options};
  }
  kj::Promise<void> read_all(noise::NoiseStream& stream) {
    return stream.tryRead(buffer_, 1, sizeof(buffer_)).then([&](size_t n) -> kj::Promise<void> {
      if (n == 0) return kj::READY_NOW;
      return read_all(stream);
    });
  }
  void settle() { kj::Promise<void>(kj::NEVER_DONE).poll(scope_); }
  void pass(std::chrono::seconds time) {
    timer_.advanceTo(timer_.now() + time.count() * kj::SECONDS);
    settle();
  }

  kj::EventLoop loop_;
  kj::WaitScope scope_{loop_};
  kj::TimerImpl timer_{kj::origin<kj::TimePoint>()};
  const fuzz::Peers peers_{};
  test::SeededRandom ours_ = fuzz::Peers::responders_random();
  test::SeededRandom theirs_ = fuzz::Peers::initiators_random();
  uint8_t buffer_[4096] = {};
  ModelStore store_{StoreLimits{}};
  ConnectionLimits limits_;
  Metrics metrics_;
  MessageMemory memory_{server::limits::message_memory, metrics_};
  Access access_;
  const Description description_{"fuzz", 0};
  const Foundation foundation_{store_, access_, description_, limits_, metrics_, memory_};
  Subscriptions subscriptions_{store_, timer_};
  std::shared_ptr<CallGate> gate_ =
      std::make_shared<CallGate>(ConnectionBounds{limits_, metrics_, memory_, "a host"});
  kj::Own<Connection> connection_;
  bool has_ended_ = false;
  kj::Promise<void> served_ = nullptr;
};

}  // namespace

// The first byte: 1 for the Delivery Service, 2 for an open server, 4 for a peer that does not
// read. The rest is what the peer sends.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  Door((data[0] & 2) != 0)
      .meet((data[0] & 1) != 0, (data[0] & 4) == 0, View(data, size).subspan(1));
  return 0;
}
