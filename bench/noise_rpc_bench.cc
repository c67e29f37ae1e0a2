// noise_rpc_bench: pipelined 1 KiB RPC calls over a Noise channel against the same over plain TCP,
// in one run: one event loop (thread) on each side, loopback, a full window of calls under way.
// Noise must reach 1.5 times plain TCP, because it coalesces what Cap'n Proto writes one by one.
#include <capnp/rpc-twoparty.h>
#include <capnp/serialize-async.h>
#include <kj/async-io.h>
#include <kj/thread.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <future>

#include "qnpc/crypto/system_random.h"
#include "qnpc/noise/stream_rpc.h"
#include "schemas/delivery.capnp.h"

namespace {

using namespace qnpc;

constexpr size_t payload_size = 1024;
constexpr int window = 512;
constexpr int calls = 60000;
constexpr size_t rounds = 5;
constexpr double target = 1.5;

class NullService final : public rpc::DeliveryService::Server {
  kj::Promise<void> enqueue(EnqueueContext) override { return kj::READY_NOW; }
};

// What each thread has of its own.
struct Side {
  kj::AsyncIoContext io = kj::setupAsyncIo();
  crypto::SystemRandom random;
  noise::StaticKey key = crypto::generate_x25519_key(random);
  noise::Endpoint end{key, random, io.provider->getTimer(), {}};

  kj::Own<kj::NetworkAddress> loopback(kj::uint port) {
    return io.provider->getNetwork().parseAddress("127.0.0.1", port).wait(io.waitScope);
  }
};

// A connection as Cap'n Proto's messages.
struct Plain {
  static Plain accept(kj::Own<kj::AsyncIoStream> socket, Side&) { return {kj::mv(socket)}; }
  static Plain connect(kj::Own<kj::AsyncIoStream> socket, Side&) { return {kj::mv(socket)}; }

  kj::Own<kj::AsyncIoStream> stream;
  capnp::AsyncIoMessageStream messages{*stream};
};

struct Noise {
  static Noise accept(kj::Own<kj::AsyncIoStream> socket, Side& side) {
    side.end.options.output.read_gate = limits::noise_read_gate;
    return {noise::accept(kj::mv(socket), side.end).wait(side.io.waitScope)};
  }
  static Noise connect(kj::Own<kj::AsyncIoStream> socket, Side& side) {
    auto trust_any = [](const noise::PublicKey&) {};
    return {noise::connect(kj::mv(socket), side.end, trust_any).wait(side.io.waitScope)};
  }

  kj::Own<noise::NoiseStream> stream;
  noise::RpcStream messages{*stream};
};

template <class Carrier>
void serve(std::promise<kj::uint>& port) {
  Side side;
  auto listener = side.loopback(0)->listen();
  port.set_value(listener->getPort());
  Carrier carrier = Carrier::accept(listener->accept().wait(side.io.waitScope), side);
  capnp::TwoPartyVatNetwork network(carrier.messages, capnp::rpc::twoparty::Side::SERVER);
  auto system = capnp::makeRpcServer(network, kj::heap<NullService>());
  network.onDisconnect().wait(side.io.waitScope);
}

kj::Promise<void> call_repeatedly(rpc::DeliveryService::Client& service, int& left) {
  if (left-- <= 0) return kj::READY_NOW;
  auto request = service.enqueueRequest();
  request.initPayload(payload_size);
  return request.send().ignoreResult().then(
      [&service, &left] { return call_repeatedly(service, left); });
}

/// Calls a second.
template <class Carrier>
double measure() {
  std::promise<kj::uint> port;
  kj::Thread server([&] { serve<Carrier>(port); });
  Side side;
  auto address = side.loopback(port.get_future().get());
  Carrier carrier = Carrier::connect(address->connect().wait(side.io.waitScope), side);
  capnp::TwoPartyVatNetwork network(carrier.messages, capnp::rpc::twoparty::Side::CLIENT);
  auto system = capnp::makeRpcClient(network);
  capnp::word scratch[4]{};
  capnp::MallocMessageBuilder server_id(scratch);
  server_id.initRoot<capnp::rpc::twoparty::VatId>().setSide(capnp::rpc::twoparty::Side::SERVER);
  auto service = system.bootstrap(server_id.getRoot<capnp::rpc::twoparty::VatId>())
                     .castAs<rpc::DeliveryService>();
  service.whenResolved().wait(side.io.waitScope);

  int left = calls;
  auto loops = kj::heapArrayBuilder<kj::Promise<void>>(window);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < window; ++i) loops.add(call_repeatedly(service, left));
  kj::joinPromises(loops.finish()).wait(side.io.waitScope);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  return calls / time.count();
}

double median(std::array<double, rounds> values) {
  std::ranges::sort(values);
  return values[rounds / 2];
}

}  // namespace

int main() {
  std::array<double, rounds> plain{};
  std::array<double, rounds> noise{};
  std::array<double, rounds> ratio{};
  std::printf("RPC calls of %zu bytes a second, %d under way, one thread each side\n", payload_size,
              window);
  std::printf("%8s %12s %12s %8s\n", "round", "plain TCP", "Noise", "ratio");
  for (size_t i = 0; i < rounds; ++i) {
    plain[i] = measure<Plain>();
    noise[i] = measure<Noise>();
    ratio[i] = noise[i] / plain[i];
    std::printf("%8zu %12.0f %12.0f %8.2f\n", i + 1, plain[i], noise[i], ratio[i]);
  }
  // The ratio's median is that of the rounds: what disturbs a round disturbs both of its halves.
  std::printf("%8s %12.0f %12.0f %8.2f  (target: at least %.1f)\n", "median", median(plain),
              median(noise), median(ratio), target);
}
