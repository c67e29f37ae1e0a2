#include "server/counted_messages.h"

#include <capnp/rpc-twoparty.h>
#include <gtest/gtest.h>
#include <kj/async-io.h>

#include "schemas/envelope.capnp.h"

namespace qnpc::server {
namespace {

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
  CountedMessages messages{stream};
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

}  // namespace
}  // namespace qnpc::server
