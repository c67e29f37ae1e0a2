// fan_out_bench: one message to a log that 1,000 connections subscribe to, until the last of them
// has it, against 1,500 messages of that size to as many inboxes: what a server without logs would
// do for half as many again. What such a message takes on the server's disk, and what 5,000 idle
// subscribed connections cost in memory.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

#include "server/store/database.h"
#include "tests/support/log_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace {

using namespace qnpc;
using test::LogClient;
using test::numbered;

constexpr size_t online = 1000;
constexpr size_t plain_pushes = 1500;
constexpr size_t idle = 5000;
constexpr double target_mib = 250;
constexpr size_t rounds = 7;
constexpr size_t stored_messages = 100;
constexpr double target_stored = 1.2;
constexpr std::array<size_t, 2> sizes{1024, 16384};

/// Counts what arrives, and tells when it is enough.
class Arrivals {
 public:
  void expect(size_t count) {
    auto paf = kj::newPromiseAndFulfiller<void>();
    left_ = count;
    all_ = kj::mv(paf.promise);
    done_ = kj::mv(paf.fulfiller);
  }
  void arrived(size_t count) {
    left_ -= std::min(left_, count);
    if (left_ == 0 && done_.get()) done_->fulfill();
  }
  void wait(kj::WaitScope& scope) { all_.wait(scope); }

 private:
  size_t left_ = 0;
  kj::Promise<void> all_ = nullptr;
  kj::Own<kj::PromiseFulfiller<void>> done_;
};

struct Subscriber {
  Subscriber(kj::AsyncIoContext& io, const std::string& address, const std::string& key)
      : client(io, address, key) {}
  LogClient client;
  std::vector<rpc::Subscription::Client> subscriptions;
};

class Crowd {
 public:
  explicit Crowd(kj::AsyncIoContext& all_io) : io_(all_io) {
    server.wait_ready();
    writer_ = std::make_unique<LogClient>(io_, address(0), server.key);
    writer_->create_request().send().wait(io_.waitScope);
  }

  /// So many connections that subscribe to the log.
  void grow(size_t count) {
    while (all_.size() < count) {
      auto subscriber = std::make_unique<Subscriber>(io_, address(all_.size()), server.key);
      arrivals_.expect(1);
      subscriber->subscriptions.push_back(
          subscriber->client.subscribe_request(0, last_, counting<rpc::LogSink>())
              .send()
              .wait(io_.waitScope)
              .getSubscription());
      arrivals_.wait(io_.waitScope);
      all_.push_back(kj::mv(subscriber));
    }
  }
  /// Each also subscribes to an inbox of its own.
  void subscribe_to_inboxes() {
    for (size_t i = 0; i < all_.size(); ++i) {
      arrivals_.expect(1);
      auto request = all_[i]->client.service.subscribeRequest();
      request.setRecipientKey(test::as_data(numbered(32, i)));
      request.setSink(counting<rpc::InboxSink>());
      all_[i]->subscriptions.push_back(request.send().wait(io_.waitScope).getSubscription());
      arrivals_.wait(io_.waitScope);
    }
  }
  /// Milliseconds until all have it.
  double to_log(size_t size) {
    return until_arrived(all_.size(), [&] {
      calls_.push_back(writer_->append_request(0, ++id_, Bytes(size, 0x5a))
                           .send()
                           .then([this](auto&& answer) { last_ = answer.getSequence(); })
                           .eagerlyEvaluate(nullptr));
    });
  }
  double to_inboxes(size_t size, size_t count) {
    return until_arrived(count, [&] {
      // By several writers, as many as may have calls unanswered.
      for (size_t i = 0; i < count; ++i) {
        auto request = all_[i % all_.size()]->client.service.enqueueRequest();
        request.setRecipientKey(test::as_data(numbered(32, (i * 7) % all_.size())));
        request.setPayload(test::as_data(Bytes(size, 0x5a)));
        calls_.push_back(request.send().ignoreResult().eagerlyEvaluate(nullptr));
      }
    });
  }

  test::TemporaryDirectory directory;
  test::ServerProcess server{QNPC_SERVER,
                             {"--open", "--no-rate-limits", "--data-dir", directory.file("data"),
                              "--listen", "127.0.0.1:0", "--ds-listen", "[::]:0"}};

 private:
  /// By IPv4 and IPv6 in turn: one address may not have so many connections.
  std::string address(size_t number) const {
    return (number % 2 == 0 ? "127.0.0.1" : "[::1]") +
           server.delivery.substr(server.delivery.rfind(':'));
  }

  template <class Interface>
  typename Interface::Client counting() {
    return kj::heap<test::TestSink<Interface>>(
        [this](auto entries) -> kj::Promise<void> {
          arrivals_.arrived(entries.size());
          return kj::READY_NOW;
        },
        [this] { arrivals_.arrived(1); });
  }

  template <class Send>
  double until_arrived(size_t count, Send send) {
    auto begin = std::chrono::steady_clock::now();
    arrivals_.expect(count);
    send();
    arrivals_.wait(io_.waitScope);
    std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
    for (auto& call : calls_) call.wait(io_.waitScope);
    calls_.clear();
    return time.count();
  }

  kj::AsyncIoContext& io_;
  Arrivals arrivals_;
  std::unique_ptr<LogClient> writer_;
  std::vector<std::unique_ptr<Subscriber>> all_;
  std::vector<kj::Promise<void>> calls_;
  uint64_t id_ = 0;
  uint64_t last_ = 0;
};

double median(std::array<double, rounds> values) {
  std::ranges::sort(values);
  return values[rounds / 2];
}

void measure_fan_out(kj::AsyncIoContext& io) {
  Crowd crowd(io);
  crowd.grow(online);
  crowd.subscribe_to_inboxes();
  std::printf("until %zu subscribers have one message, milliseconds, median of %zu\n", online,
              rounds);
  std::printf("%10s %16s %20s %8s\n", "bytes", "one log", "1,500 plain pushes", "ratio");
  for (size_t size : sizes) {
    std::array<double, rounds> log{}, inboxes{}, ratios{};
    for (size_t i = 0; i < rounds; ++i) {
      log[i] = crowd.to_log(size);
      inboxes[i] = crowd.to_inboxes(size, plain_pushes);
      ratios[i] = log[i] / inboxes[i];
    }
    std::printf("%10zu %16.1f %20.1f %8.2f  (target: at most 1)\n", size, median(log),
                median(inboxes), median(ratios));
  }
}

/// Bytes of what a log is made of, with its indexes: of the rows, and of the pages they are in.
struct Stored {
  double rows = 0, pages = 0;
};

Stored stored_in_logs(const Crowd& crowd) {
  server::Database database(crowd.directory.file("data/server.db"),
                            server::Database::Mode::read_only);
  const char* of_logs = "FROM dbstat WHERE name LIKE 'log!_%' ESCAPE '!'";
  return {static_cast<double>(database.integer("SELECT sum(payload) " + std::string(of_logs))),
          static_cast<double>(database.integer("SELECT sum(pgsize) " + std::string(of_logs)))};
}

void measure_stored(kj::AsyncIoContext& io) {
  Crowd crowd(io);
  crowd.grow(online);
  std::printf("stored on the server for one message to %zu members, in units of its size\n",
              online);
  std::printf("%10s %20s %20s\n", "bytes", "rows and indexes", "whole pages");
  for (size_t size : sizes) {
    const Stored before = stored_in_logs(crowd);
    for (size_t i = 0; i < stored_messages; ++i) crowd.to_log(size);
    const Stored after = stored_in_logs(crowd);
    const auto all = static_cast<double>(stored_messages * size);
    std::printf("%10zu %20.3f %20.3f  (target for the rows: at most %.1f)\n", size,
                (after.rows - before.rows) / all, (after.pages - before.pages) / all,
                target_stored);
  }
}

void measure_memory(kj::AsyncIoContext& io) {
  Crowd crowd(io);
  crowd.grow(10);
  const double before = test::memory_kib(crowd.server.pid()) / 1024;
  crowd.grow(idle);
  const double after = test::memory_kib(crowd.server.pid()) / 1024;
  std::printf(
      "server memory with %zu idle subscribed connections: %.0f MiB (%.0f before), "
      "ratio %.2f  (target: at most %.0f MiB)\n",
      idle, after, before, after / target_mib, target_mib);
}

}  // namespace

int main() {
  rlimit files{16384, 16384};
  setrlimit(RLIMIT_NOFILE, &files);
  kj::AsyncIoContext io = kj::setupAsyncIo();
  measure_fan_out(io);
  measure_stored(io);
  measure_memory(io);
}
