// log_calls_test: logs and subscriptions as a caller of the Delivery Service sees them, over the
// model of the store.
#include <gtest/gtest.h>

#include "qnpc/crypto/hash.h"
#include "server/delivery_service.h"
#include "server/parameters.h"
#include "server/service_test_support.h"
#include "server/store/store_test_support.h"

namespace qnpc::server {
namespace {

Bytes token(uint64_t epoch) { return Bytes(32, static_cast<uint8_t>(0x80 + epoch)); }
Bytes hash_of_token(uint64_t epoch) { return crypto::digest(crypto::Hash::sha256, token(epoch)); }

/// Writes down what it gets: "a[b]|c" is a, the commit b, caught up, c.
class RecordingSink final : public rpc::LogSink::Server {
 public:
  explicit RecordingSink(std::string& got) : got_(got) {}

 protected:
  kj::Promise<void> entries(EntriesContext context) override {
    for (auto entry : context.getParams().getEntries()) {
      std::string payload = to_text(View(entry.getPayload()));
      got_ += entry.getIsCommit() ? "[" + payload + "]" : payload;
    }
    return kj::READY_NOW;
  }
  kj::Promise<void> caughtUp(CaughtUpContext) override {
    got_ += "|";
    return kj::READY_NOW;
  }

 private:
  std::string& got_;
};

class LogCalls : public testing::Test {
 protected:
  ~LogCalls() noexcept override = default;

  template <class Request>
  Reason reason_of(Request request) {
    kj::Promise<int> done = request.send().then([](auto&&) { return 0; });
    return failure(kj::mv(done), scope);
  }
  auto create_request(uint64_t epoch) {
    auto request = delivery.createLogRequest();
    request.setLogId(as_data(log));
    request.setEpoch(epoch);
    request.setTokenHash(as_data(hash_of_token(epoch)));
    return request;
  }
  template <class Request>
  Request filled(Request request, uint64_t epoch, uint32_t id, std::string_view payload) {
    request.setLogId(as_data(log));
    request.setEpoch(epoch);
    request.setToken(as_data(token(epoch)));
    request.setMessageId(as_data(message_id(id)));
    request.setPayload(as_data(as_view(payload)));
    return request;
  }
  auto append_request(uint64_t epoch, uint32_t id, std::string_view payload) {
    return filled(delivery.appendRequest(), epoch, id, payload);
  }
  auto commit_request(uint64_t epoch, uint32_t id, std::string_view payload) {
    auto request = filled(delivery.appendCommitRequest(), epoch, id, payload);
    request.setNextTokenHash(as_data(hash_of_token(epoch + 1)));
    return request;
  }
  auto read_request(uint64_t token_epoch) {
    auto request = delivery.readLogRequest();
    request.setLogId(as_data(log));
    request.setToken(as_data(token(token_epoch)));
    return request;
  }
  auto subscribe_request(uint64_t token_epoch, std::string& got) {
    auto request = delivery.subscribeLogRequest();
    request.setLogId(as_data(log));
    request.setToken(as_data(token(token_epoch)));
    request.setSink(kj::heap<RecordingSink>(got));
    return request;
  }
  void run() { kj::Promise<void>(kj::NEVER_DONE).poll(scope); }

  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  TestFoundation foundation;
  ModelStore& store = foundation.store;
  kj::TimerImpl timer{kj::origin<kj::TimePoint>()};
  Subscriptions subscriptions{store, timer};
  Peer peer = foundation.peer();
  rpc::DeliveryService::Client delivery =
      kj::heap<DeliveryService>(foundation, subscriptions, peer);
  LogId log = owner(9);
};

TEST_F(LogCalls, MessagesAndCommitsAreReadInOrder) {
  create_request(4).send().wait(scope);
  uint64_t first = append_request(4, 1, "a").send().wait(scope).getSequence();
  auto outcome = commit_request(4, 2, "b").send().wait(scope);
  ASSERT_TRUE(outcome.getOutcome().isAccepted());
  EXPECT_GT(outcome.getOutcome().getAccepted(), first);
  append_request(5, 3, "c").send().wait(scope);
  auto page = read_request(4).send().wait(scope);
  EXPECT_EQ(page.getEpoch(), 5u);
  EXPECT_FALSE(page.getMore());
  ASSERT_EQ(page.getEntries().size(), 3u);
  EXPECT_EQ(page.getEntries()[0].getSequence(), first);
  EXPECT_EQ(page.getEntries()[0].getEpoch(), 4u);
  EXPECT_FALSE(page.getEntries()[0].getIsCommit());
  EXPECT_TRUE(page.getEntries()[1].getIsCommit());
  EXPECT_EQ(to_text(View(page.getEntries()[2].getPayload())), "c");
}

TEST_F(LogCalls, TheLoserIsToldTheWinner) {
  create_request(0).send().wait(scope);
  uint64_t sequence = commit_request(0, 1, "won").send().wait(scope).getOutcome().getAccepted();
  auto answer = commit_request(0, 2, "lost").send().wait(scope);
  ASSERT_TRUE(answer.getOutcome().isLost());
  auto lost = answer.getOutcome().getLost();
  EXPECT_EQ(lost.getEpoch(), 1u);
  ASSERT_TRUE(lost.hasWinner());
  EXPECT_EQ(lost.getWinner().getSequence(), sequence);
  EXPECT_EQ(to_text(View(lost.getWinner().getPayload())), "won");
}

TEST_F(LogCalls, ReasonsReachTheCaller) {
  EXPECT_EQ(reason_of(append_request(0, 1, "x")), Reason::not_found);
  EXPECT_EQ(reason_of(read_request(0)), Reason::not_found);
  create_request(0).send().wait(scope);
  EXPECT_EQ(reason_of(create_request(1)), Reason::conflict);
  EXPECT_EQ(reason_of(append_request(1, 1, "x")), Reason::conflict);
  EXPECT_EQ(reason_of(read_request(1)), Reason::unauthorized);
  auto stranger = commit_request(0, 1, "x");
  stranger.setToken(as_data(token(7)));
  EXPECT_EQ(reason_of(kj::mv(stranger)), Reason::unauthorized);
}

TEST_F(LogCalls, CheckSizesAtTheDoor) {
  create_request(0).send().wait(scope);
  for (size_t size : {0, 31, 33}) {
    Bytes wrong(size);
    auto create = create_request(0);
    create.setLogId(as_data(wrong));
    EXPECT_EQ(reason_of(kj::mv(create)), Reason::malformed);
    auto create_with_hash = create_request(0);
    create_with_hash.setTokenHash(as_data(wrong));
    EXPECT_EQ(reason_of(kj::mv(create_with_hash)), Reason::malformed);
    auto append = append_request(0, 1, "x");
    append.setToken(as_data(wrong));
    EXPECT_EQ(reason_of(kj::mv(append)), Reason::malformed);
    auto without_id = append_request(0, 1, "x");
    without_id.setMessageId(as_data(wrong));
    EXPECT_EQ(reason_of(kj::mv(without_id)), Reason::malformed);
    auto commit = commit_request(0, 1, "x");
    commit.setNextTokenHash(as_data(wrong));
    EXPECT_EQ(reason_of(kj::mv(commit)), Reason::malformed);
    auto read = read_request(0);
    read.setToken(as_data(wrong));
    EXPECT_EQ(reason_of(kj::mv(read)), Reason::malformed);
  }
  EXPECT_EQ(reason_of(create_request(limits::log_largest_epoch + 1)), Reason::malformed);
  EXPECT_EQ(reason_of(append_request(UINT64_MAX, 1, "x")), Reason::malformed);
  std::string large(limits::payload_bytes + 1, 'x');
  EXPECT_EQ(reason_of(append_request(0, 1, large)), Reason::too_large);
  EXPECT_EQ(reason_of(commit_request(0, 1, large)), Reason::too_large);
}

TEST_F(LogCalls, ASubscriptionBeginsWithTheEpochOfItsToken) {
  create_request(0).send().wait(scope);
  append_request(0, 1, "before its time").send().wait(scope);
  commit_request(0, 2, "b").send().wait(scope);
  append_request(1, 3, "c").send().wait(scope);
  std::string got;
  auto subscription = subscribe_request(1, got).send().wait(scope).getSubscription();
  run();
  EXPECT_EQ(got, "c|");
}

TEST_F(LogCalls, ASubscriberGetsBacklogCaughtUpAndLive) {
  create_request(0).send().wait(scope);
  append_request(0, 1, "a").send().wait(scope);
  std::string got;
  {
    auto answer = subscribe_request(0, got).send().wait(scope);
    auto subscription = answer.getSubscription();
    run();
    EXPECT_EQ(got, "a|");
    commit_request(0, 2, "b").send().wait(scope);
    append_request(1, 3, "c").send().wait(scope);
    run();
    EXPECT_EQ(got, "a|[b]c");
    EXPECT_EQ(peer.calls->pushes()->subscriptions(), 1u);
  }
  append_request(1, 4, "d").send().wait(scope);
  run();
  EXPECT_EQ(got, "a|[b]c");  // the subscription was dropped
  EXPECT_EQ(peer.calls->pushes()->subscriptions(), 0u);
}

TEST_F(LogCalls, StrangersCannotSubscribe) {
  std::string got;
  EXPECT_EQ(reason_of(subscribe_request(0, got)), Reason::not_found);
  create_request(0).send().wait(scope);
  EXPECT_EQ(reason_of(subscribe_request(1, got)), Reason::unauthorized);
  append_request(0, 1, "a").send().wait(scope);
  run();
  EXPECT_EQ(got, "");
}

TEST_F(LogCalls, SubscriptionsAreLimited) {
  create_request(0).send().wait(scope);
  std::string got;
  std::vector<rpc::Subscription::Client> held;
  for (size_t i = 0; i < limits::subscriptions; ++i) {
    held.push_back(subscribe_request(0, got).send().wait(scope).getSubscription());
  }
  EXPECT_EQ(reason_of(subscribe_request(0, got)), Reason::overloaded);
  held.pop_back();
  EXPECT_EQ(reason_of(subscribe_request(0, got)), Reason::internal);  // it did not fail
}

TEST_F(LogCalls, ASubscriptionWithoutASinkHarmsNobody) {
  create_request(0).send().wait(scope);
  auto request = delivery.subscribeLogRequest();
  request.setLogId(as_data(log));
  request.setToken(as_data(token(0)));
  auto subscription = request.send().wait(scope).getSubscription();
  append_request(0, 1, "a").send().wait(scope);
  run();
}

/// Counts the reads that come to it.
class CountingReads final : public ModelStore {
 public:
  using ModelStore::ModelStore;
  kj::Promise<Page> read_log(const LogId& log, const std::optional<TokenHash>& token,
                             uint64_t after, uint32_t limit) override {
    ++reads;
    return ModelStore::read_log(log, token, after, limit);
  }
  int reads = 0;
};

TEST_F(LogCalls, OfWhoGuessesTokensTheStoreHearsNoMore) {
  CountingReads counting{StoreLimits{}};
  AccessPolicy policy;
  policy.rates.refusals = {3, 1};
  auto now = std::chrono::steady_clock::time_point();
  Access access(counting, policy, foundation.metrics, [&] { return now; });
  Foundation ground{counting,           access,           foundation.description, foundation.limits,
                    foundation.metrics, foundation.memory};
  delivery = kj::heap<DeliveryService>(ground, subscriptions, peer);
  counting.create_log(log, 0, exactly<TokenHash>(as_data(hash_of_token(0)), "")).wait(scope);

  for (int i = 0; i < 5; ++i) read_request(0).send().wait(scope);  // a right one costs nothing
  for (int i = 0; i < 3; ++i) EXPECT_EQ(reason_of(read_request(1)), Reason::unauthorized);
  EXPECT_EQ(counting.reads, 8);
  std::string got;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(reason_of(read_request(1)), Reason::rate_limited);
    EXPECT_EQ(reason_of(subscribe_request(1, got)), Reason::rate_limited);
    EXPECT_EQ(reason_of(append_request(1, 1, "x")), Reason::rate_limited);
    EXPECT_EQ(reason_of(commit_request(1, 1, "x")), Reason::rate_limited);
  }
  EXPECT_EQ(counting.reads, 8);
  EXPECT_EQ(foundation.metrics.limits_hit[Limit::refusals_rate].value(), 40u);
  now += std::chrono::seconds(1);
  read_request(0).send().wait(scope);
}

TEST_F(LogCalls, WhatOneAddressHasStoredIsLimited) {
  AccessPolicy policy{.open_calls = true};
  policy.rates.stored_kib = {11, 1};
  auto now = std::chrono::steady_clock::time_point();
  Access access(store, policy, foundation.metrics, [&] { return now; });
  Foundation ground{store,
                    access,
                    foundation.description,
                    foundation.limits,
                    foundation.metrics,
                    foundation.memory};
  delivery = kj::heap<DeliveryService>(ground, subscriptions, peer);
  create_request(0).send().wait(scope);  // 1 KiB
  append_request(0, 1, std::string(8000, 'x')).send().wait(scope);
  append_request(0, 2, std::string(8000, 'x')).send().wait(scope);  // owes 8
  EXPECT_EQ(reason_of(append_request(0, 3, "")), Reason::rate_limited);
  EXPECT_EQ(reason_of(commit_request(0, 3, "")), Reason::rate_limited);
  auto enqueue = delivery.enqueueRequest();
  enqueue.setRecipientKey(as_data(owner(1)));
  EXPECT_EQ(reason_of(kj::mv(enqueue)), Reason::rate_limited);
  read_request(0).send().wait(scope);
  now += std::chrono::seconds(9);
  append_request(0, 3, "").send().wait(scope);
}

TEST_F(LogCalls, AreCounted) {
  create_request(0).send().wait(scope);
  append_request(0, 1, "a").send().wait(scope);
  commit_request(0, 2, "b").send().wait(scope);
  commit_request(0, 3, "late").send().wait(scope);
  EXPECT_EQ(reason_of(append_request(5, 4, "x")), Reason::conflict);
  Metrics& metrics = foundation.metrics;
  EXPECT_EQ(metrics.calls[CallKind::append].value(), 1u);
  EXPECT_EQ(metrics.calls[CallKind::append_commit].value(), 2u);
  EXPECT_EQ(metrics.lost_commits.value(), 1u);
  EXPECT_EQ(metrics.refused(CallKind::append)[Reason::conflict].value(), 1u);
}

}  // namespace
}  // namespace qnpc::server
