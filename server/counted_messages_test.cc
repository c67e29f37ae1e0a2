#include "server/counted_messages.h"

#include <capnp/rpc-twoparty.h>
#include <gtest/gtest.h>
#include <kj/async-io.h>

#include "qnpc/noise/stream_error.h"
#include "schemas/envelope.capnp.h"
#include "tests/support/reason_of.h"

namespace qnpc::server {
namespace {

struct TestBounds {
  operator ConnectionBounds() {  // NOLINT: as it is
    return {limits, metrics, memory, "a host"};
  }
  ConnectionLimits limits;
  Metrics metrics;
  MessageMemory memory{size_t{1} << 20, metrics};
};

// Answers when the test says so.
class SlowService final : public rpc::EnvelopeExchange::Server {
 public:
  explicit SlowService(std::vector<kj::Own<kj::PromiseFulfiller<void>>>& calls) : calls_(calls) {}

 protected:
  kj::Promise<void> exchange(ExchangeContext) override {
    auto paf = kj::newPromiseAndFulfiller<void>();
    calls_.push_back(kj::mv(paf.fulfiller));
    return kj::mv(paf.promise);
  }

 private:
  std::vector<kj::Own<kj::PromiseFulfiller<void>>>& calls_;
};

class CountedMessagesTest : public testing::Test {
 protected:
  ~CountedMessagesTest() noexcept override = default;

  void send_calls(size_t count) {
    auto service = client.bootstrap().castAs<rpc::EnvelopeExchange>();
    for (size_t i = 0; i < count; ++i) {
      answers.push_back(service.exchangeRequest().send().ignoreResult().eagerlyEvaluate(nullptr));
    }
    for (int i = 0; calls.size() < count && i < 1000; ++i) kj::evalLast([] {}).wait(io.waitScope);
    ASSERT_EQ(calls.size(), count);
  }

  kj::AsyncIoContext io = kj::setupAsyncIo();
  kj::TwoWayPipe pipe = kj::newTwoWayPipe();
  capnp::AsyncIoMessageStream stream{*pipe.ends[0]};
  TestBounds bounds;
  CountedMessages messages{stream, bounds, {}};
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> calls;
  capnp::TwoPartyVatNetwork network{messages, capnp::rpc::twoparty::Side::SERVER};
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> server =
      capnp::makeRpcServer(network, kj::heap<SlowService>(calls));
  capnp::TwoPartyClient client{*pipe.ends[1]};
  std::vector<kj::Promise<void>> answers;
};

TEST_F(CountedMessagesTest, WaitsUntilTheLastAnswerIsWritten) {
  messages.when_answered().wait(io.waitScope);  // nothing was asked
  send_calls(30);
  auto answered = messages.when_answered();
  for (size_t i = 1; i < calls.size(); ++i) calls[i]->fulfill();
  EXPECT_FALSE(answered.poll(io.waitScope));
  calls[0]->fulfill();
  answered.wait(io.waitScope);
  messages.stop_writing();
  for (auto& answer : answers) answer.wait(io.waitScope);
}

TEST_F(CountedMessagesTest, ACallThatIsGivenUpOrFailsCountsAsAnswered) {
  send_calls(2);
  answers.pop_back();  // libcapnp 0.9 lets the call go on all the same
  calls[0]->reject(KJ_EXCEPTION(FAILED, "no"));
  calls[1]->fulfill();
  messages.when_answered().wait(io.waitScope);
}

TEST_F(CountedMessagesTest, WritesNothingMoreWhenToldSo) {
  send_calls(1);
  messages.stop_writing();
  calls[0]->fulfill();
  EXPECT_FALSE(answers[0].poll(io.waitScope));
}

/// A peer that writes what it likes, and does not read.
class HostileMessages : public testing::Test {
 protected:
  ~HostileMessages() noexcept override = default;
  using Message = capnp::rpc::Message;

  /// The reason for which a message is not read; Reason::internal where it is.
  template <class Fill>
  Reason reason_for(Fill fill) {
    capnp::MallocMessageBuilder builder;
    fill(builder.initRoot<Message>());
    auto sent = capnp::writeMessage(*pipe.ends[1], builder);
    return messages.tryReadMessage(nullptr, {}, nullptr)
        .then([](auto&&) { return Reason::internal; },
              [](kj::Exception&& e) { return noise::reason_of(e); })
        .wait(io.waitScope);
  }
  void write(size_t bytes) {
    auto words = kj::heapArray<capnp::word>(bytes / sizeof(capnp::word));
    memset(words.begin(), 0, bytes);
    const kj::ArrayPtr<const capnp::word> segment = words;
    messages.writeMessage(nullptr, kj::arrayPtr(&segment, 1)).wait(io.waitScope);
  }

  static constexpr Reason read = Reason::internal;

  kj::AsyncIoContext io = kj::setupAsyncIo();
  kj::TwoWayPipe pipe = kj::newTwoWayPipe();
  capnp::AsyncIoMessageStream stream{*pipe.ends[0]};
  TestBounds bounds;
  kj::PromiseFulfillerPair<void> drained = kj::newPromiseAndFulfiller<void>();
  kj::ForkedPromise<void> all_left = drained.promise.fork();
  size_t pending = 0;  // of what was written
  CountedMessages messages{
      stream, bounds, {[this] { return all_left.addBranch(); }, [this] { return pending; }}};
};

TEST_F(HostileMessages, QuestionsThatAreNeverFinishedAreBounded) {
  auto ask = [](Message::Builder message) { message.initBootstrap(); };
  auto finish = [](Message::Builder message) { message.initFinish(); };
  for (size_t i = 0; i < limits::unfinished_questions; ++i) ASSERT_EQ(reason_for(ask), read);
  EXPECT_EQ(reason_for(finish), read);
  EXPECT_EQ(reason_for(ask), read);
  EXPECT_EQ(reason_for(ask), Reason::too_large);
  EXPECT_EQ(bounds.metrics.limits_hit[Limit::message_shape].value(), 1u);
}

TEST_F(HostileMessages, CapabilitiesInOneMessageAreBounded) {
  for (kj::uint count : {limits::message_capabilities, limits::message_capabilities + 1}) {
    const Reason expected = count > limits::message_capabilities ? Reason::too_large : read;
    EXPECT_EQ(reason_for([&](Message::Builder message) {
                message.initCall().initParams().initCapTable(count);
              }),
              expected);
    EXPECT_EQ(reason_for([&](Message::Builder message) {
                message.initReturn().initResults().initCapTable(count);
              }),
              expected);
  }
}

TEST_F(HostileMessages, WhatWouldBeSentBackAsUnknownIsNotRead) {
  EXPECT_EQ(reason_for([](Message::Builder message) { message.initProvide(); }),
            Reason::unsupported);
  EXPECT_EQ(reason_for([](Message::Builder message) { message.initJoin(); }), Reason::unsupported);
  EXPECT_EQ(reason_for([](Message::Builder message) { message.initRelease(); }), read);
}

TEST_F(HostileMessages, LongAnswersAreHeldAgainstTheMemoryUntilTheyHaveLeft) {
  auto reading = pipe.ends[1]->readAllBytes().eagerlyEvaluate(nullptr);
  const size_t share = (size_t{1} << 20) / limits::message_memory_share;
  write(1000);
  EXPECT_EQ(bounds.memory.bytes(), 0u);
  write(share);
  EXPECT_EQ(bounds.memory.bytes(), share);
  drained.fulfiller->fulfill();
  kj::evalLast([] {}).wait(io.waitScope);
  EXPECT_EQ(bounds.memory.bytes(), 0u);
}

TEST_F(HostileMessages, ShortAnswersAreHeldWhereManyWait) {
  auto reading = pipe.ends[1]->readAllBytes().eagerlyEvaluate(nullptr);
  constexpr size_t size = 1000;
  pending = limits::long_message_bytes - size;
  write(size);
  EXPECT_EQ(bounds.memory.bytes(), 0u);
  for (int i = 1; i <= 10; ++i) {
    pending += size;
    write(size);
  }
  EXPECT_EQ(bounds.memory.bytes(), 10 * size);
  pending = 3 * size;  // the peer has taken the rest, and never takes all
  write(size);
  EXPECT_EQ(bounds.memory.bytes(), 3 * size);
}

TEST_F(HostileMessages, WhereThereIsNoRoomForAnAnswerTheConnectionEnds) {
  auto reading = pipe.ends[1]->readAllBytes().eagerlyEvaluate(nullptr);
  auto overflowing = messages.when_overflowing();
  pending = (size_t{1} << 20) / limits::message_memory_share;
  write(pending);
  EXPECT_FALSE(overflowing.poll(io.waitScope));
  write(size_t{100} << 10);
  EXPECT_TRUE(overflowing.poll(io.waitScope));
}

TEST(MessageMemory, MayBeTakenByOneWhereThatIsWished) {
  Metrics metrics;
  constexpr size_t mib = size_t{1} << 20;
  MessageMemory memory(4 * mib, metrics, 1);
  MessageMemory::Hold all = memory.take("a proxy", 4 * mib);
  EXPECT_THROW(memory.take("a proxy", mib), Error);
}

TEST(MessageMemory, IsSharedByAllAndNotTakenByOne) {
  Metrics metrics;
  constexpr size_t mib = size_t{1} << 20;
  MessageMemory memory(4 * mib, metrics);
  EXPECT_EQ(memory.take("a", 1000), nullptr);
  auto first = memory.take("a", mib / 2);
  auto second = memory.take("a", mib / 2);
  EXPECT_EQ(test::reason_of([&] { memory.take("a", mib / 2); }), Reason::overloaded);
  EXPECT_EQ(test::reason_of([&] { memory.require_room("a", mib / 2); }), Reason::overloaded);
  memory.require_room("b", mib);
  second.reset();
  second = memory.take("a", mib / 2);
  std::vector<MessageMemory::Hold> others;
  for (const char* host : {"b", "c", "d"}) others.push_back(memory.take(host, mib));
  EXPECT_EQ(test::reason_of([&] { memory.take("e", mib / 2); }), Reason::overloaded);
  first.reset();
  EXPECT_NE(memory.take("e", mib / 2), nullptr);
  EXPECT_EQ(metrics.limits_hit[Limit::message_memory_mib].value(), 3u);
}

}  // namespace
}  // namespace qnpc::server
