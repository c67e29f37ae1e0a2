// subscriptions_test: what is pushed, in which order, how little of it waits, and how few reads it
// takes. The sinks are in this process, the store is the model.
#include "server/subscriptions.h"

#include <gtest/gtest.h>

#include "server/kj_time.h"
#include "server/store/store_test_support.h"

namespace qnpc::server {
namespace {

using std::chrono::hours;

/// Counts the reads, and makes them fail on demand.
class CountingStore final : public ModelStore {
 public:
  using ModelStore::ModelStore;
  kj::Promise<Page> read(const OwnerKey& inbox, uint64_t after, uint32_t limit) override {
    ++reads;
    if (fails) return rpc::to_exception(Error(Reason::overloaded, "busy"));
    // As long as a thread needs to answer: others may ask meanwhile.
    return kj::evalLater([=, this] { return ModelStore::read(inbox, after, limit ? limit : 3); });
  }
  size_t reads = 0;
  bool fails = false;
};

/// What a subscriber has got, written down: "ab|" is a, b, caught up.
struct Got {
  std::string text;
  size_t pushes = 0;
  uint64_t last = 0;
  bool answers = true;
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> unanswered;

  kj::Promise<void> answer() {
    if (answers) return kj::READY_NOW;
    auto paf = kj::newPromiseAndFulfiller<void>();
    unanswered.push_back(kj::mv(paf.fulfiller));
    return kj::mv(paf.promise);
  }
};

class TestSink final : public Sink {
 public:
  explicit TestSink(Got& got) : got_(got) {}
  kj::Promise<void> push(const Page& page) override {
    ++got_.pushes;
    if (page.expired_through > got_.last) got_.text += "gap ";
    got_.last = std::max(got_.last, page.expired_through);
    for (const Entry& entry : page.entries) {
      got_.text += to_text(entry.payload);
      got_.last = entry.sequence;
    }
    return got_.answer();
  }
  kj::Promise<void> caught_up() override {
    got_.text += "|";
    return got_.answer();
  }

 private:
  Got& got_;
};

class SubscriptionsTest : public testing::Test {
 protected:
  ~SubscriptionsTest() noexcept override = default;

  void enqueue(std::string_view payloads) {
    for (char c : payloads) {
      store.enqueue(owner(1), std::nullopt, std::nullopt, Bytes{static_cast<uint8_t>(c)})
          .wait(scope);
    }
  }
  kj::Own<Subscriber> subscribe(Got& got, uint64_t after = 0) {
    return subscribe_by(pushes, got, after);
  }
  kj::Own<Subscriber> subscribe_by(std::shared_ptr<PushGate> connection, Got& got,
                                   uint64_t after = 0) {
    QueueName inbox{QueueName::Kind::inbox, owner(1)};
    return subscriptions.subscribe(inbox, after, kj::heap<TestSink>(got), std::move(connection));
  }
  void run() { kj::Promise<void>(kj::NEVER_DONE).poll(scope); }
  void pass(std::chrono::milliseconds time) {
    now += to_kj(time);
    timer.advanceTo(now);
    run();
  }

  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  TestClock clock;
  CountingStore store{StoreLimits{}, clock};
  kj::TimePoint now = kj::origin<kj::TimePoint>();
  kj::TimerImpl timer{now};
  Subscriptions subscriptions{store, timer};
  ConnectionLimits connection_limits;
  Metrics metrics;
  MessageMemory memory{size_t{1} << 20, metrics};
  ConnectionBounds bounds{connection_limits, metrics, memory, "a host"};
  std::shared_ptr<PushGate> pushes = std::make_shared<PushGate>(bounds);
};

TEST_F(SubscriptionsTest, PushesTheBacklogThenSaysCaughtUpOnceThenPushesLive) {
  enqueue("abcde");
  Got got;
  auto subscriber = subscribe(got);
  run();
  EXPECT_EQ(got.text, "abcde|");
  enqueue("f");
  run();
  enqueue("gh");
  run();
  EXPECT_EQ(got.text, "abcde|fgh");
}

TEST_F(SubscriptionsTest, PushesAfterTheCursorOnly) {
  enqueue("abc");
  uint64_t second = store.read(owner(1), 0, 0).wait(scope).entries[1].sequence;
  Got got, ahead;
  auto subscriber = subscribe(got, second);
  auto of_nothing = subscribe(ahead, UINT64_MAX);
  run();
  enqueue("d");
  run();
  EXPECT_EQ(got.text, "c|d");
  EXPECT_EQ(ahead.text, "|");
}

TEST_F(SubscriptionsTest, HasOnePushUnansweredAtMost) {
  enqueue("abcdefgh");
  Got got;
  got.answers = false;
  auto subscriber = subscribe(got);
  run();
  EXPECT_EQ(got.text, "abc");
  for (int i = 0; i < 100; ++i) enqueue("x");
  run();
  EXPECT_EQ(got.text, "abc");
  got.unanswered.back()->fulfill();
  run();
  EXPECT_EQ(got.text, "abcdef");
}

TEST_F(SubscriptionsTest, OneReadServesAllWhoStandAtTheEnd) {
  std::vector<Got> all(100);
  std::vector<kj::Own<Subscriber>> subscribers;
  for (Got& got : all) {
    subscribers.push_back(subscribe_by(std::make_shared<PushGate>(bounds), got));
    run();
  }
  store.reads = 0;
  enqueue("a");
  run();
  EXPECT_EQ(store.reads, 1u);
  for (const Got& got : all) EXPECT_EQ(got.text, "|a");
}

TEST_F(SubscriptionsTest, ALaggardDelaysNobody) {
  Got slow, fast;
  slow.answers = false;
  auto first = subscribe(slow);
  auto second = subscribe(fast);
  run();
  slow.unanswered.back()->fulfill();  // "caught up"
  run();
  for (char c = 'a'; c <= 'z'; ++c) {
    enqueue(std::string(1, c));
    run();
  }
  EXPECT_EQ(fast.text, "|abcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(slow.text, "|a");
  slow.answers = true;
  slow.unanswered.back()->fulfill();
  run();
  EXPECT_EQ(slow.text, fast.text);
}

TEST_F(SubscriptionsTest, WhatComesWhileAPageIsReadIsNotMissed) {
  Got early, late;
  auto first = subscribe(early);
  run();
  auto bell = store.enqueue(owner(1), std::nullopt, std::nullopt, to_bytes("a"));
  auto second = subscribe(late);
  bell.wait(scope);
  enqueue("b");
  run();
  EXPECT_EQ(early.text, "|ab");
  EXPECT_EQ(late.text.substr(0, late.text.find('|')) + late.text.substr(late.text.find('|') + 1),
            "ab");
}

TEST_F(SubscriptionsTest, DroppingASubscriberEndsIt) {
  Got got, other;
  auto subscriber = subscribe(got);
  auto remaining = subscribe(other);
  run();
  subscriber = nullptr;
  enqueue("a");
  run();
  EXPECT_EQ(got.text, "|");
  EXPECT_EQ(other.text, "|a");
  remaining = nullptr;
  EXPECT_EQ(pushes->subscriptions(), 0u);
  auto again = subscribe(got, 0);
  run();
  EXPECT_EQ(got.text, "|a|");
}

TEST_F(SubscriptionsTest, TellsOfAGap) {
  enqueue("abc");
  store.expire().wait(scope);
  clock.now = clock.now.load() + limits::retention;
  store.expire().wait(scope);
  Got got;
  auto subscriber = subscribe(got);
  run();
  EXPECT_EQ(got.text, "gap |");
  enqueue("d");
  run();
  EXPECT_EQ(got.text, "gap |d");
}

TEST_F(SubscriptionsTest, ALaggardWhoseEntriesExpireIsTold) {
  Got got;
  got.answers = false;
  enqueue("abc");
  auto subscriber = subscribe(got);
  run();
  enqueue("def");
  store.expire().wait(scope);
  clock.now = clock.now.load() + limits::retention;
  store.expire().wait(scope);
  enqueue("g");
  got.answers = true;
  got.unanswered.back()->fulfill();
  run();
  EXPECT_EQ(got.text, "abcgap g|");
}

TEST_F(SubscriptionsTest, APushThatIsNotAnsweredEndsTheConnection) {
  Got got;
  got.answers = false;
  enqueue("a");
  auto subscriber = subscribe(got);
  auto stalled = pushes->when_stalled();
  run();
  pass(limits::push_stall - std::chrono::seconds(1));
  EXPECT_FALSE(stalled.poll(scope));
  pass(std::chrono::seconds(1));
  EXPECT_TRUE(stalled.poll(scope));
}

TEST_F(SubscriptionsTest, ASubscriptionThatWaitsIsNotStalled) {
  Got got;
  auto subscriber = subscribe(got);
  auto stalled = pushes->when_stalled();
  run();
  pass(hours(24));
  EXPECT_FALSE(stalled.poll(scope));
  enqueue("a");
  run();
  EXPECT_EQ(got.text, "|a");
}

TEST_F(SubscriptionsTest, ReadsAgainWhenTheStoreCouldNot) {
  Got got;
  enqueue("a");
  store.fails = true;
  auto subscriber = subscribe(got);
  run();
  store.fails = false;
  EXPECT_EQ(got.text, "");
  pass(limits::read_retry);
  EXPECT_EQ(got.text, "a|");
}

TEST_F(SubscriptionsTest, AConnectionHasFewPushesAtOnceAndAllGetTheirTurn) {
  enqueue("a");
  std::vector<Got> all(3 * limits::pushes);
  std::vector<kj::Own<Subscriber>> subscribers;
  for (Got& got : all) {
    got.answers = false;
    subscribers.push_back(subscribe(got));
  }
  run();
  auto pushed = [&] { return std::ranges::count_if(all, [](Got& got) { return got.pushes > 0; }); };
  EXPECT_EQ(pushed(), static_cast<ptrdiff_t>(limits::pushes));
  for (int round = 0; round < 10; ++round) {
    for (Got& got : all) {
      for (auto& answer : got.unanswered) answer->fulfill();
    }
    run();
  }
  for (Got& got : all) EXPECT_EQ(got.text, "a|");
}

TEST_F(SubscriptionsTest, OfOneConnectionAreLimited) {
  std::vector<Got> all(limits::subscriptions + 1);
  std::vector<kj::Own<Subscriber>> subscribers;
  for (size_t i = 0; i < limits::subscriptions; ++i) subscribers.push_back(subscribe(all[i]));
  EXPECT_THROW(subscribe(all.back()), Error);
  subscribers.pop_back();
  subscribers.push_back(subscribe(all.back()));
  EXPECT_EQ(pushes->subscriptions(), limits::subscriptions);
}

TEST_F(SubscriptionsTest, ALongPushWaitsForRoomInTheMemoryAndIsNotReadMeanwhile) {
  store.enqueue(owner(1), std::nullopt, std::nullopt, Bytes(100'000, 'x')).wait(scope);
  MessageMemory::Hold others = memory.take("a host", size_t{200} << 10);
  Got got;
  auto subscriber = subscribe(got);
  run();
  pass(limits::room_retry);
  pass(2 * limits::room_retry);
  EXPECT_EQ(got.text, "");
  EXPECT_EQ(store.reads, 1u);
  others.reset();
  pass(4 * limits::room_retry);
  EXPECT_EQ(got.text.size(), 100'001u);  // and caught up
}

TEST_F(SubscriptionsTest, ShortPushesNeedNoRoomInTheMemory) {
  enqueue("a");
  MessageMemory::Hold others = memory.take("a host", size_t{256} << 10);
  Got got;
  auto subscriber = subscribe(got);
  run();
  EXPECT_EQ(got.text, "a|");
}

TEST_F(SubscriptionsTest, APushThatNeverHasRoomEndsTheConnection) {
  store.enqueue(owner(1), std::nullopt, std::nullopt, Bytes(100'000, 'x')).wait(scope);
  MessageMemory::Hold others = memory.take("a host", size_t{200} << 10);
  Got got;
  auto subscriber = subscribe(got);
  auto stalled = pushes->when_stalled();
  run();
  std::chrono::milliseconds waited{0};
  for (auto wait = limits::room_retry; wait < limits::push_stall; wait *= 2) {
    EXPECT_FALSE(stalled.poll(scope));
    pass(wait);
    waited += wait;
  }
  EXPECT_TRUE(stalled.poll(scope));
  EXPECT_GE(waited, limits::push_stall);
  EXPECT_EQ(store.reads, 1u);
}

}  // namespace
}  // namespace qnpc::server
