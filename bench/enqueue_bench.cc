// enqueue_bench: durable enqueues of 1 KiB a second with 64 concurrent callers, against the same
// store with one row in each commit, in one run and on the same disk. Group commit must be at least
// 4 times as fast, because the callers share the wait for the disk.
//
// usage: qnpc-bench-enqueue [FOLDER]   the disk to measure; the folder for temporary files if none
#include <kj/async.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "server/store/sqlite_store.h"

namespace {

using namespace qnpc;
using namespace qnpc::server;

constexpr size_t payload_size = 1024;
constexpr int callers = 64;
constexpr size_t rounds = 5;
constexpr double target = 4;

struct Caller {
  OwnerKey inbox{};
  uint32_t calls = 0;
};

[[noreturn]] void disk_failed(const Error& error) { throw error; }

MessageId message_id(const Caller& caller) {
  MessageId id{};
  for (size_t i = 0; i < 4; ++i) id[i] = static_cast<uint8_t>(caller.calls >> (8 * i));
  return id;
}

kj::Promise<void> enqueue_repeatedly(Store& store, Caller& caller, int& left) {
  if (left-- <= 0) return kj::READY_NOW;
  ++caller.calls;
  return store.enqueue(caller.inbox, std::nullopt, message_id(caller), Bytes(payload_size, 0x5a))
      .then([&](Put) { return enqueue_repeatedly(store, caller, left); });
}

/// Enqueues a second, in a new store.
double measure(const std::filesystem::path& folder, size_t batch_requests, int calls) {
  std::filesystem::create_directory(folder);
  double rate = 0;
  {
    StoreLimits store_limits;
    store_limits.batch_requests = batch_requests;
    SqliteStore store((folder / "server.db").string(), store_limits, disk_failed);
    kj::EventLoop loop;
    kj::WaitScope scope(loop);
    std::array<Caller, callers> all;
    auto loops = kj::heapArrayBuilder<kj::Promise<void>>(callers);
    const auto begin = std::chrono::steady_clock::now();
    for (size_t i = 0; i < callers; ++i) {
      all[i].inbox[0] = static_cast<uint8_t>(i);
      loops.add(enqueue_repeatedly(store, all[i], calls));
    }
    const int made = calls + callers;
    kj::joinPromises(loops.finish()).wait(scope);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    rate = made / time.count();
  }
  std::filesystem::remove_all(folder);
  return rate;
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path folder =
      argc > 1 ? std::filesystem::path(argv[1]) : std::filesystem::temp_directory_path();
  folder /= "qnpc-bench-enqueue";
  std::filesystem::remove_all(folder);
  std::array<double, rounds> ratios{};
  std::printf("durable enqueues of %zu bytes a second, %d concurrent callers, in %s\n",
              payload_size, callers, folder.parent_path().c_str());
  std::printf("%8s %16s %16s %8s\n", "round", "row per commit", "group commit", "ratio");
  for (size_t i = 0; i < rounds; ++i) {
    const double single = measure(folder, 1, 2000);
    const double grouped = measure(folder, StoreLimits{}.batch_requests, 20000);
    ratios[i] = grouped / single;
    std::printf("%8zu %16.0f %16.0f %8.2f\n", i + 1, single, grouped, ratios[i]);
  }
  // Of the rounds' ratios and not of the rates: other users of the disk come and go.
  std::ranges::sort(ratios);
  const double ratio = ratios[rounds / 2];
  std::printf("%8s %42.2f  (target: at least %.0f)\n", "median", ratio, target);
}
