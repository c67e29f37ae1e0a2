// noise_rpc_bench: pipelined 1 KiB RPC calls over a Noise channel against the same over plain TCP,
// in one run: one event loop (thread) on each side, loopback, a full window of calls under way.
// Noise must reach 1.5 times plain TCP, because it coalesces what Cap'n Proto writes one by one.
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <kj/thread.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <future>

#include "qnpc/crypto/system_random.h"
#include "qnpc/noise/stream.h"
#include "schemas/delivery.capnp.h"

namespace {

using namespace qnpc;

constexpr size_t payload_size = 1024;
constexpr int window = 256;
constexpr int calls = 60000;
constexpr size_t rounds = 5;
constexpr double target = 1.5;

enum class Carrier { plain_tcp, noise };

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

void serve(Carrier carrier, std::promise<kj::uint>& port) {
  Side side;
  auto listener = side.loopback(0)->listen();
  port.set_value(listener->getPort());
  kj::Own<kj::AsyncIoStream> stream = listener->accept().wait(side.io.waitScope);
  if (carrier == Carrier::noise) {
    side.end.options.output.read_gate = limits::noise_read_gate;
    stream = noise::accept(kj::mv(stream), side.end).wait(side.io.waitScope);
  }
  capnp::TwoPartyVatNetwork network(*stream, capnp::rpc::twoparty::Side::SERVER);
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
double measure(Carrier carrier) {
  std::promise<kj::uint> port;
  kj::Thread server([&] { serve(carrier, port); });
  Side side;
  auto address = side.loopback(port.get_future().get());
  kj::Own<kj::AsyncIoStream> stream = address->connect().wait(side.io.waitScope);
  if (carrier == Carrier::noise) {
    stream = noise::connect(kj::mv(stream), side.end, [](const noise::PublicKey&) {
             }).wait(side.io.waitScope);
  }
  capnp::TwoPartyClient client(*stream);
  auto service = client.bootstrap().castAs<rpc::DeliveryService>();
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
  std::printf("RPC calls of %zu bytes a second, %d under way, one thread each side\n", payload_size,
              window);
  std::printf("%8s %12s %12s %8s\n", "round", "plain TCP", "Noise", "ratio");
  for (size_t i = 0; i < rounds; ++i) {
    plain[i] = measure(Carrier::plain_tcp);
    noise[i] = measure(Carrier::noise);
    std::printf("%8zu %12.0f %12.0f %8.2f\n", i + 1, plain[i], noise[i], noise[i] / plain[i]);
  }
  const double ratio = median(noise) / median(plain);
  std::printf("%8s %12.0f %12.0f %8.2f  (target: at least %.1f)\n", "median", median(plain),
              median(noise), ratio, target);
  return ratio >= target ? 0 : 1;
}
