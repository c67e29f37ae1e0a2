// idle_bench: what an idle Noise connection costs the real server in memory, with 1,000 of them
// that have made one call each. At most 40 KiB, so that a small machine serves thousands.
#include <cstdio>
#include <vector>

#include "schemas/delivery.capnp.h"
#include "tests/support/noise_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace {

using namespace qnpc;
using Client = test::NoiseClient<rpc::DeliveryService>;

constexpr size_t connections = 1000;
constexpr double target_kib = 40;

void ping(kj::AsyncIoContext& io, Client& client) {
  auto request = client.service.exchangeRequest();
  request.initRequest().setMsgType(rpc::MsgType::PING);
  request.send().wait(io.waitScope);
}

}  // namespace

int main() {
  rlimit files{4096, 4096};
  setrlimit(RLIMIT_NOFILE, &files);
  test::TemporaryDirectory directory;
  test::ServerProcess server(
      QNPC_SERVER, {"--open", "--no-rate-limits", "--data-dir", directory.file("data"), "--listen",
                    "127.0.0.1:0", "--ds-listen", "127.0.0.1:0"});
  server.wait_ready();
  kj::AsyncIoContext io = kj::setupAsyncIo();
  std::vector<std::unique_ptr<Client>> clients;
  auto connect = [&](size_t count) {
    while (clients.size() < count) {
      clients.push_back(std::make_unique<Client>(io, server.delivery, server.key));
      ping(io, *clients.back());
    }
    return test::memory_kib(server.pid());
  };
  // The first ones also pay for what all share: arenas of the allocator, code paged in.
  constexpr size_t warm_up = 20;
  const double before = connect(warm_up);
  const double after = connect(warm_up + connections);
  const double each = (after - before) / connections;
  std::printf("server memory, KiB\n%16s %16s %16s %8s\n", "before", "with 1,000 more", "each",
              "ratio");
  std::printf("%16.0f %16.0f %16.1f %8.2f  (target: at most %.0f KiB each)\n", before, after, each,
              each / target_kib, target_kib);
}
