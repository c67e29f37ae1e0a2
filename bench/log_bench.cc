// log_bench: durable appends to logs through the real server with 64 concurrent senders, against
// the rate at which the store alone commits such rows, in one run and on the same disk: at least
// 0.8 of it. Everywhere a sender has a log of its own and one append unanswered. They come by a
// connection each, as 64 people do, and by 4, which spares the generator, on the same cores, the
// system calls of 64 sockets. Then what each side computes for one append, and how long one takes
// at half of that load.
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
constexpr std::array<size_t, 2> connections{64, 4};
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

/// What was computed for one append, in microseconds, and by whom.
struct Cost {
  double store = 0, server = 0, generator = 0;
};

/// The store alone, in this process.
double store_rate(kj::WaitScope& scope, Cost& cost) {
  test::TemporaryDirectory directory;
  server::StoreLimits limits;
  limits.serving_time = {};
  server::SqliteStore store(directory.file("server.db"), limits,
                            [](const Error& error) -> void { throw error; });
  auto fixed = []<size_t N>(Bytes bytes, ByteArray<N> array) {
    std::copy_n(bytes.begin(), N, array.begin());
    return array;
  };
  auto id_of = [&](size_t sender) { return fixed(log_of(sender), server::LogId{}); };
  auto token = fixed(test::token_hash_of(0), server::TokenHash{});
  for (size_t i = 0; i < senders; ++i) store.create_log(id_of(i), 0, token).wait(scope);
  const double before = test::processor_seconds(getpid());
  const double rate = appends_a_second(scope, [&](size_t sender, uint64_t id) {
    return store
        .append({id_of(sender), 0, token, fixed(numbered(16, id), server::MessageId{}),
                 Bytes(payload_size, 0x5a)})
        .ignoreResult();
  });
  cost.store = 1e6 * (test::processor_seconds(getpid()) - before) / appends;
  return rate;
}

/// The server, and the senders, who share so many connections.
struct Senders {
  Senders(kj::AsyncIoContext& io, size_t connection_count) {
    process.wait_ready();
    for (size_t i = 0; i < connection_count; ++i) {
      clients.push_back(std::make_unique<LogClient>(io, process.delivery, process.key));
    }
    for (size_t i = 0; i < senders; ++i) client_of(i).create_request().send().wait(io.waitScope);
  }
  LogClient& client_of(size_t sender) {
    LogClient& client = *clients[sender % clients.size()];
    client.log = log_of(sender);
    return client;
  }
  kj::Promise<void> append(size_t sender, uint64_t id) {
    return client_of(sender).append_request(0, id, payload).send().ignoreResult();
  }
  double rate(kj::WaitScope& scope, Cost& cost) {
    const double server = test::processor_seconds(process.pid());
    const double generator = test::processor_seconds(getpid());
    const double rate =
        appends_a_second(scope, [this](size_t sender, uint64_t id) { return append(sender, id); });
    cost.server = 1e6 * (test::processor_seconds(process.pid()) - server) / appends;
    cost.generator = 1e6 * (test::processor_seconds(getpid()) - generator) / appends;
    return rate;
  }

  test::TemporaryDirectory directory;
  test::ServerProcess process{QNPC_SERVER,
                              {"--open", "--no-rate-limits", "--data-dir", directory.file("data"),
                               "--listen", "127.0.0.1:0", "--ds-listen", "127.0.0.1:0"}};
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
  std::array<std::array<double, rounds>, connections.size()> ratios{};
  std::array<Cost, connections.size()> cost{};
  double paced_rate = 0;
  std::vector<double> times;
  std::printf("durable appends of %zu bytes to logs a second, %zu concurrent senders\n",
              payload_size, senders);
  std::printf("%8s %14s %14s %8s %14s %8s\n", "round", "store alone", "64 connections", "ratio",
              "4 connections", "ratio");
  for (size_t i = 0; i < rounds; ++i) {
    const double alone = store_rate(io.waitScope, cost[0]);
    std::printf("%8zu %14.0f", i + 1, alone);
    for (size_t j = 0; j < connections.size(); ++j) {
      Senders all(io, connections[j]);
      const double served = all.rate(io.waitScope, cost[j]);
      ratios[j][i] = served / alone;
      std::printf(" %14.0f %8.2f", served, ratios[j][i]);
      if (i + 1 < rounds || j > 0) continue;
      paced_rate = served / 2;
      times = times_at(io, all, paced_rate);
    }
    std::printf("\n");
  }
  for (auto& each : ratios) std::ranges::sort(each);
  std::printf("%8s %14s %14s %8.2f %14s %8.2f  (target: at least %.1f)\n", "median", "", "",
              ratios[0][rounds / 2], "", ratios[1][rounds / 2], target);
  std::printf("at %.0f a second by 64 connections: p50 %.2f ms, p99 %.2f ms\n", paced_rate,
              times[times.size() / 2], times[times.size() * 99 / 100]);
  std::printf("microseconds of computing for an append, last round: store alone %.0f\n",
              cost[0].store);
  for (size_t j = 0; j < connections.size(); ++j) {
    std::printf("%8zu connections: server %.0f, generator %.0f\n", connections[j], cost[j].server,
                cost[j].generator);
  }
}
