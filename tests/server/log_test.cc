// log_test: logs and subscriptions of the server as a process: committers race, the server is
// killed, members are removed, and some who subscribe never read.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "schemas/rpc_error.h"
#include "tests/support/log_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace qnpc {
namespace {

using test::LogClient;
using test::numbered;
using test::ServerProcess;

class LogServer : public testing::Test {
 protected:
  ~LogServer() noexcept override = default;

  std::unique_ptr<ServerProcess> start() {
    auto server = std::make_unique<ServerProcess>(
        QNPC_SERVER,
        std::vector<std::string>{"--open", "--data-dir", directory.file("data"), "--listen",
                                 "127.0.0.1:0", "--ds-listen", "127.0.0.1:0", "--threads", "2"});
    server->wait_ready();
    return server;
  }
  std::unique_ptr<LogClient> connect(const ServerProcess& server) {
    return std::make_unique<LogClient>(io, server.delivery, server.key);
  }
  template <class Request>
  Reason reason_of(Request request) {
    return request.send()
        .then([](auto&&) { return Reason::internal; },
              [](kj::Exception&& e) { return rpc::from_exception(e).reason(); })
        .wait(io.waitScope);
  }
  /// The payloads of the whole log.
  std::vector<Bytes> content(LogClient& client, uint64_t epoch) {
    std::vector<Bytes> payloads;
    uint64_t after = 0;
    for (bool more = true; more;) {
      auto page = client.read_request(epoch, after).send().wait(io.waitScope);
      for (auto entry : page.getEntries()) {
        EXPECT_GT(entry.getSequence(), after);
        after = entry.getSequence();
        payloads.push_back(to_bytes(View(entry.getPayload().begin(), entry.getPayload().end())));
      }
      more = page.getMore();
    }
    return payloads;
  }
  void run_until(const std::function<bool()>& done) {
    for (int i = 0; i < 1000 && !done(); ++i) {
      io.provider->getTimer().afterDelay(10 * kj::MILLISECONDS).wait(io.waitScope);
    }
    EXPECT_TRUE(done());
  }

  test::TemporaryDirectory directory;
  kj::AsyncIoContext io = kj::setupAsyncIo();
};

TEST_F(LogServer, OfRacingCommittersOneWinsEachEpochAndTheOthersLearnWho) {
  constexpr size_t committers = 16;
  constexpr uint64_t epochs = 20;
  auto server = start();
  std::vector<std::unique_ptr<LogClient>> clients;
  while (clients.size() < committers) clients.push_back(connect(*server));
  clients[0]->create_request().send().wait(io.waitScope);
  std::vector<Bytes> winners;
  for (uint64_t epoch = 0; epoch < epochs; ++epoch) {
    struct Claim {
      uint64_t sequence;
      Bytes payload;
    };
    std::vector<Bytes> accepted;
    std::vector<Claim> told;
    std::vector<kj::Promise<void>> racers;
    for (size_t i = 0; i < committers; ++i) {
      const uint64_t id = epoch * committers + i;
      Bytes payload = numbered(500, id);
      racers.push_back(
          clients[i]->commit_request(epoch, id, payload).send().then([&, payload](auto&& r) {
            auto outcome = r.getOutcome();
            if (outcome.isAccepted()) {
              accepted.push_back(payload);
              told.push_back({outcome.getAccepted(), payload});
            } else {
              auto winner = outcome.getLost().getWinner();
              told.push_back({winner.getSequence(),
                              Bytes(winner.getPayload().begin(), winner.getPayload().end())});
            }
          }));
    }
    for (auto& racer : racers) racer.wait(io.waitScope);
    ASSERT_EQ(accepted.size(), 1u);
    for (const Claim& claim : told) {
      EXPECT_EQ(claim.sequence, told[0].sequence);
      EXPECT_EQ(claim.payload, accepted[0]);
    }
    winners.push_back(accepted[0]);
  }
  EXPECT_EQ(content(*clients[1], 0), winners);
}

TEST_F(LogServer, RepeatedCallsGetTheirFirstAnswerAlsoAfterAKill) {
  constexpr uint64_t messages = 60;
  std::map<uint64_t, uint64_t> sequences;  // by message id, of those that were answered
  auto append_missing = [&](LogClient& client, const std::function<void()>& answered) {
    std::vector<kj::Promise<void>> calls;
    for (uint64_t id = 0; id < messages; ++id) {
      calls.push_back(client.append_request(0, id, numbered(2000, id))
                          .send()
                          .then(
                              [&, id](auto&& answer) {
                                uint64_t sequence = answer.getSequence();
                                auto first = sequences.emplace(id, sequence).first;
                                EXPECT_EQ(first->second, sequence);
                                answered();
                              },
                              [](kj::Exception&& e) {
                                EXPECT_EQ(rpc::from_exception(e).reason(), Reason::unknown);
                              }));
    }
    for (auto& call : calls) call.wait(io.waitScope);
  };
  auto server = start();
  connect(*server)->create_request().send().wait(io.waitScope);
  for (size_t answers_before_kill : {1, 10, 30}) {
    size_t answers = 0;
    auto client = connect(*server);
    append_missing(*client, [&] {
      if (++answers == answers_before_kill) server->send(SIGKILL);
    });
    EXPECT_EQ(server->wait(), 128 + SIGKILL);
    server = start();
  }
  auto client = connect(*server);
  uint64_t commit = client->commit_request(0, 1000, numbered(2000, 1000))
                        .send()
                        .wait(io.waitScope)
                        .getOutcome()
                        .getAccepted();
  append_missing(*client, [] {});
  EXPECT_EQ(sequences.size(), messages);
  server->send(SIGKILL);
  server->wait();
  server = start();
  client = connect(*server);
  auto again = client->commit_request(0, 1000, numbered(2000, 1000)).send().wait(io.waitScope);
  EXPECT_EQ(again.getOutcome().getAccepted(), commit);
  std::vector<Bytes> all = content(*client, 0);
  EXPECT_EQ(all.size(), messages + 1);
  EXPECT_EQ(std::set<Bytes>(all.begin(), all.end()).size(), messages + 1);
}

TEST_F(LogServer, ARemovedMemberCanNeitherWriteNorCommit) {
  auto server = start();
  auto client = connect(*server);
  client->create_request().send().wait(io.waitScope);
  client->commit_request(0, 1, as_view("removes somebody")).send().wait(io.waitScope);
  auto append = client->append_request(1, 2, as_view("x"));
  append.setToken(test::as_data(test::token_of(0)));
  EXPECT_EQ(reason_of(kj::mv(append)), Reason::unauthorized);
  auto commit = client->commit_request(1, 3, as_view("x"));
  commit.setToken(test::as_data(test::token_of(0)));
  EXPECT_EQ(reason_of(kj::mv(commit)), Reason::unauthorized);
  auto late = client->commit_request(0, 4, as_view("x")).send().wait(io.waitScope);
  EXPECT_TRUE(late.getOutcome().isLost());
  client->commit_request(1, 5, as_view("another")).send().wait(io.waitScope);
  EXPECT_EQ(reason_of(client->append_request(0, 6, as_view("x"))), Reason::conflict);
  EXPECT_EQ(content(*client, 0).size(), 2u);
}

TEST_F(LogServer, SubscribersGetTheBacklogThenWhatOthersAppend) {
  auto server = start();
  auto writer = connect(*server);
  writer->create_request().send().wait(io.waitScope);
  constexpr uint64_t backlog = 1500;  // more than a page
  std::vector<kj::Promise<void>> calls;
  for (uint64_t id = 0; id < backlog; ++id) {
    calls.push_back(writer->append_request(0, id, numbered(300, id)).send().ignoreResult());
    if (calls.size() < 200) continue;
    for (auto& call : calls) call.wait(io.waitScope);
    calls.clear();
  }
  for (auto& call : calls) call.wait(io.waitScope);

  // Two connections, as a rule of two loops of the server.
  struct Reader {
    std::vector<Bytes> got;
    uint64_t last = 0;
    std::vector<size_t> caught_up_after;
    std::unique_ptr<LogClient> client;
    kj::Maybe<rpc::Subscription::Client> subscription;
  };
  std::vector<Reader> readers(4);
  for (Reader& reader : readers) {
    reader.client = connect(*server);
    auto sink = kj::heap<test::TestLogSink>(
        [&reader](auto entries) -> kj::Promise<void> {
          for (auto entry : entries) {
            EXPECT_GT(entry.getSequence(), reader.last);
            reader.last = entry.getSequence();
            reader.got.push_back(Bytes(entry.getPayload().begin(), entry.getPayload().end()));
          }
          return kj::READY_NOW;
        },
        [&reader] { reader.caught_up_after.push_back(reader.got.size()); });
    reader.subscription = reader.client->subscribe_request(0, 0, kj::mv(sink))
                              .send()
                              .wait(io.waitScope)
                              .getSubscription();
  }
  auto all_have = [&](size_t count) {
    return std::ranges::all_of(readers, [&](const Reader& r) { return r.got.size() == count; });
  };
  run_until([&] {
    return all_have(backlog) &&
           std::ranges::all_of(readers, [](const Reader& r) { return !r.caught_up_after.empty(); });
  });
  for (uint64_t id = backlog; id < backlog + 20; ++id) {
    writer->append_request(0, id, numbered(300, id)).send().wait(io.waitScope);
  }
  run_until([&] { return all_have(backlog + 20); });
  for (const Reader& reader : readers) {
    EXPECT_EQ(reader.caught_up_after, std::vector<size_t>{backlog});
    EXPECT_EQ(reader.got, content(*writer, 0));
  }
}

TEST_F(LogServer, AnInboxIsPushedToo) {
  auto server = start();
  auto writer = connect(*server);
  auto reader = connect(*server);
  auto enqueue = [&](std::string_view payload) {
    auto request = writer->service.enqueueRequest();
    request.setRecipientKey(test::as_data(writer->log));
    request.setPayload(test::as_data(as_view(payload)));
    request.send().wait(io.waitScope);
  };
  enqueue("a");
  std::string got;
  auto request = reader->service.subscribeRequest();
  request.setRecipientKey(test::as_data(writer->log));
  request.setSink(kj::heap<test::TestInboxSink>(
      [&](auto entries) -> kj::Promise<void> {
        for (auto entry : entries) {
          got.append(entry.getPayload().asChars().begin(), entry.getPayload().size());
        }
        return kj::READY_NOW;
      },
      [&] { got += "|"; }));
  auto answer = request.send().wait(io.waitScope);
  run_until([&] { return got == "a|"; });
  enqueue("b");
  run_until([&] { return got == "a|b"; });
}

/// Connections that subscribe and then read nothing more from their sockets.
class DeadReaders {
 public:
  DeadReaders(const ServerProcess& server, size_t count) {
    std::promise<void> subscribed;
    thread_ = std::thread([&, count, wait = end_.get_future()] {
      kj::AsyncIoContext io = kj::setupAsyncIo();
      std::vector<std::unique_ptr<LogClient>> clients;
      std::vector<rpc::Subscription::Client> subscriptions;
      while (clients.size() < count) {
        clients.push_back(std::make_unique<LogClient>(io, server.delivery, server.key));
        auto sink =
            kj::heap<test::TestLogSink>([](auto) -> kj::Promise<void> { return kj::READY_NOW; });
        subscriptions.push_back(clients.back()
                                    ->subscribe_request(0, 0, kj::mv(sink))
                                    .send()
                                    .wait(io.waitScope)
                                    .getSubscription());
      }
      subscribed.set_value();
      wait.wait();
    });
    subscribed.get_future().wait();
  }
  ~DeadReaders() {
    end_.set_value();
    thread_.join();
  }

 private:
  std::promise<void> end_;
  std::thread thread_;
};

TEST_F(LogServer, WhoNeverReadsCostsLittleAndDelaysNobody) {
  constexpr size_t dead = 40;
  constexpr uint64_t messages = 200;
  constexpr size_t size = 100'000;
  // AddressSanitizer would keep what the server has freed, and it would look as held.
  setenv("ASAN_OPTIONS", "quarantine_size_mb=1:thread_local_quarantine_size_kb=16", 0);
  auto server = start();
  auto writer = connect(*server);
  writer->create_request().send().wait(io.waitScope);
  DeadReaders readers(*server, dead);
  auto alive = connect(*server);
  size_t got = 0;
  auto answer = alive
                    ->subscribe_request(0, 0, kj::heap<test::TestLogSink>([&](auto entries) {
                                          got += entries.size();
                                          return kj::Promise<void>(kj::READY_NOW);
                                        }))
                    .send()
                    .wait(io.waitScope);
  for (uint64_t id = 0; id < messages; ++id) {
    writer->append_request(0, id, numbered(size, id)).send().wait(io.waitScope);
  }
  run_until([&] { return got == messages; });
  // Were all of it held for each, it would be 800 MB. SQLite's cache takes up to 64 MiB.
  EXPECT_LT(test::memory_kib(server->pid()) / 1024, 64 + dead * 1.0 + 100);
}

TEST_F(LogServer, StopsAlthoughASubscriberDoesNotAnswer) {
  auto server = start();
  auto client = connect(*server);
  client->create_request().send().wait(io.waitScope);
  auto answer = client
                    ->subscribe_request(0, 0, kj::heap<test::TestLogSink>([](auto) {
                                          return kj::Promise<void>(kj::NEVER_DONE);
                                        }))
                    .send()
                    .wait(io.waitScope);
  client->append_request(0, 1, as_view("x")).send().wait(io.waitScope);
  DeadReaders dead(*server, 1);
  server->send(SIGTERM);
  EXPECT_EQ(server->wait(), 0) << server->log();
}

}  // namespace
}  // namespace qnpc
