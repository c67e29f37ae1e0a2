// log_bench: durable appends to logs through the real server with 64 concurrent senders, against
// the rate at which the store alone commits such rows, in one run and on the same disk: at least
// 0.8 of it. Then how long an append takes at half of that load.
//
// usage: qnpc-bench-log
#include <kj/async.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "server/store/sqlite_store.h"
#include "tests/support/log_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace {

using namespace qnpc;
using Clock = std::chrono::steady_clock;
using test::LogClient;
using test::numbered;

constexpr size_t payload_size = 1024;
constexpr size_t senders = 64;
constexpr int appends = 20'000;
constexpr size_t rounds = 5;
constexpr double target = 0.8;
constexpr double paced_seconds = 4;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Bytes log_of(size_t sender) { return numbered(32, sender); }

/// Calls `append(sender, id)` until `left` is used up: one at a time for each sender.
template <class Append>
double appends_a_second(kj::WaitScope& scope, Append append) {
  int left = appends;
  uint64_t id = 0;
  std::function<kj::Promise<void>(size_t)> repeat = [&](size_t sender) -> kj::Promise<void> {
    if (left-- <= 0) return kj::READY_NOW;
    return append(sender, ++id).then([&, sender] { return repeat(sender); });
  };
  auto begin = Clock::now();
  auto loops = kj::heapArrayBuilder<kj::Promise<void>>(senders);
  for (size_t i = 0; i < senders; ++i) loops.add(repeat(i));
  kj::joinPromises(loops.finish()).wait(scope);
  return appends / seconds_since(begin);
}

/// The store alone, in this process.
double store_rate(kj::WaitScope& scope) {
  test::TemporaryDirectory directory;
  server::SqliteStore store(directory.file("server.db"), {},
                            [](const Error& error) -> void { throw error; });
  auto fixed = []<size_t N>(Bytes bytes, ByteArray<N> array) {
    std::copy_n(bytes.begin(), N, array.begin());
    return array;
  };
  auto id_of = [&](size_t sender) { return fixed(log_of(sender), server::LogId{}); };
  auto token = fixed(test::token_hash_of(0), server::TokenHash{});
  for (size_t i = 0; i < senders; ++i) store.create_log(id_of(i), 0, token).wait(scope);
  return appends_a_second(scope, [&](size_t sender, uint64_t id) {
    return store
        .append({id_of(sender), 0, token, fixed(numbered(16, id), server::MessageId{}),
                 Bytes(payload_size, 0x5a)})
        .ignoreResult();
  });
}

/// The server, and a connection for each sender.
struct Senders {
  explicit Senders(kj::AsyncIoContext& io) {
    process.wait_ready();
    for (size_t i = 0; i < senders; ++i) {
      clients.push_back(std::make_unique<LogClient>(io, process.delivery, process.key));
      clients.back()->log = log_of(i);
      clients.back()->create_request().send().wait(io.waitScope);
    }
  }
  kj::Promise<void> append(size_t sender, uint64_t id) {
    return clients[sender]->append_request(0, id, payload).send().ignoreResult();
  }

  test::TemporaryDirectory directory;
  test::ServerProcess process{QNPC_SERVER,
                              {"--open", "--data-dir", directory.file("data"), "--listen",
                               "127.0.0.1:0", "--ds-listen", "127.0.0.1:0"}};
  Bytes payload = Bytes(payload_size, 0x5a);
  std::vector<std::unique_ptr<LogClient>> clients;
};

/// Sends at a fixed rate, whatever the answers do; how long each took, in milliseconds, in order.
std::vector<double> times_at(kj::AsyncIoContext& io, Senders& all, double rate) {
  std::vector<double> times;
  std::vector<kj::Promise<void>> calls;
  auto begin = Clock::now();
  const auto count = static_cast<uint64_t>(rate * paced_seconds);
  for (uint64_t sent = 0; sent < count;) {
    for (auto due = static_cast<uint64_t>(seconds_since(begin) * rate); sent < due; ++sent) {
      auto start = Clock::now();
      calls.push_back(all.append(sent % senders, (uint64_t{1} << 40) + sent)
                          .then([&times, start] { times.push_back(1e3 * seconds_since(start)); })
                          .eagerlyEvaluate(nullptr));
    }
    io.provider->getTimer().afterDelay(200 * kj::MICROSECONDS).wait(io.waitScope);
  }
  for (auto& call : calls) call.wait(io.waitScope);
  std::ranges::sort(times);
  return times;
}

}  // namespace

int main() {
  kj::AsyncIoContext io = kj::setupAsyncIo();
  std::array<double, rounds> ratios{};
  double served = 0;
  std::printf("durable appends of %zu bytes to logs a second, %zu concurrent senders\n",
              payload_size, senders);
  std::printf("%8s %16s %16s %8s\n", "round", "store alone", "through server", "ratio");
  for (size_t i = 0; i < rounds; ++i) {
    const double alone = store_rate(io.waitScope);
    Senders all(io);
    served = appends_a_second(io.waitScope,
                              [&](size_t sender, uint64_t id) { return all.append(sender, id); });
    ratios[i] = served / alone;
    std::printf("%8zu %16.0f %16.0f %8.2f\n", i + 1, alone, served, ratios[i]);
    if (i + 1 < rounds) continue;
    std::vector<double> times = times_at(io, all, served / 2);
    std::printf("at %.0f a second: p50 %.2f ms, p99 %.2f ms\n", served / 2, times[times.size() / 2],
                times[times.size() * 99 / 100]);
  }
  std::ranges::sort(ratios);
  std::printf("%8s %42.2f  (target: at least %.1f)\n", "median", ratios[rounds / 2], target);
}
