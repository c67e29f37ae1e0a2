// connection_test: how long a connection may last without a word that gives it a reason, and what
// one message may weigh. The peers speak over a socket; the time is the test's.
#include "server/connection.h"

#include <capnp/any.h>
#include <gtest/gtest.h>

#include "qnpc/crypto/system_random.h"
#include "server/authentication_service.h"
#include "server/delivery_service.h"
#include "server/parameters.h"
#include "server/service_test_support.h"
#include "server/store/store_test_support.h"

namespace qnpc::server {
namespace {

class ConnectionTest : public testing::Test {
 protected:
  ~ConnectionTest() noexcept override = default;

  /// The client's end; ours is served.
  template <class Service>
  typename Service::Client connect(capnp::Capability::Client service, uint64_t message_words) {
    kj::TwoWayPipe pipe = io.provider->newTwoWayPipe();
    noise::Endpoint endpoint{key, random, io.provider->getTimer()};
    auto accepting = noise::accept(kj::mv(pipe.ends[0]), endpoint);
    auto connecting = noise::connect(kj::mv(pipe.ends[1]), endpoint, [](const auto&) {});
    client_stream = connecting.wait(io.waitScope);
    connection = kj::heap<Connection>(accepting.wait(io.waitScope), kj::mv(service), gate,
                                      message_words, timer);
    ended = connection->run(kj::NEVER_DONE)
                .then([this] { has_ended = true; })
                .eagerlyEvaluate([](kj::Exception&&) {});
    client = kj::heap<capnp::TwoPartyClient>(*client_stream);
    return client->bootstrap().castAs<Service>();
  }
  rpc::DeliveryService::Client connect_to_delivery() {
    return connect<rpc::DeliveryService>(kj::heap<DeliveryService>(foundation, subscriptions, peer),
                                         limits::message_words);
  }
  void pass(std::chrono::seconds time) {
    timer.advanceTo(timer.now() + time.count() * kj::SECONDS);
    for (int i = 0; i < 100; ++i) io.provider->getTimer().afterDelay(0 * kj::SECONDS).wait(scope);
  }
  template <class Request>
  Reason reason_of(Request request) {
    kj::Promise<int> done = request.send().then([](auto&&) { return 0; });
    return failure(kj::mv(done), io.waitScope);
  }
  auto ping(rpc::DeliveryService::Client& delivery) {
    auto request = delivery.exchangeRequest();
    request.initRequest().setMsgType(rpc::MsgType::PING);
    return reason_of(kj::mv(request));
  }
  auto enqueue(rpc::DeliveryService::Client& delivery, const Bytes& token) {
    auto request = delivery.enqueueRequest();
    request.setRecipientKey(as_data(owner(1)));
    request.setToken(as_data(token));
    return reason_of(kj::mv(request));
  }

  static constexpr Reason answered = Reason::internal;  // what failure() says of a success

  kj::AsyncIoContext io = kj::setupAsyncIo();
  kj::WaitScope& scope = io.waitScope;
  kj::TimerImpl timer{kj::origin<kj::TimePoint>()};
  crypto::SystemRandom random;
  noise::StaticKey key = crypto::generate_x25519_key(random);
  TestFoundation foundation{AccessPolicy{}};
  Subscriptions subscriptions{foundation.store, timer};
  Peer peer = foundation.peer();
  std::shared_ptr<CallGate> gate = peer.calls;
  kj::Own<noise::NoiseStream> client_stream;
  kj::Own<Connection> connection;
  kj::Own<capnp::TwoPartyClient> client;
  bool has_ended = false;
  kj::Promise<void> ended = nullptr;
};

TEST_F(ConnectionTest, AStrangerIsShownOutAfterItsTime) {
  auto delivery = connect_to_delivery();
  EXPECT_EQ(ping(delivery), answered);
  EXPECT_EQ(enqueue(delivery, Bytes(32, 1)), Reason::unauthorized);  // no reason to stay
  pass(limits::login_time - std::chrono::seconds(1));
  EXPECT_EQ(ping(delivery), answered);
  pass(std::chrono::seconds(1));
  EXPECT_NE(ping(delivery), answered);
  pass(limits::linger);
  EXPECT_TRUE(has_ended);
  EXPECT_EQ(foundation.metrics.limits_hit[Limit::login_seconds].value(), 1u);
}

TEST_F(ConnectionTest, WhoShowsARightTokenStays) {
  Bytes token(32, 1);
  foundation.store.set_delivery_token(owner(1), hash_of_token(as_data(token), "")).wait(scope);
  auto delivery = connect_to_delivery();
  EXPECT_EQ(enqueue(delivery, token), answered);
  pass(2 * limits::login_time);
  EXPECT_EQ(ping(delivery), answered);
  EXPECT_FALSE(has_ended);
}

TEST_F(ConnectionTest, WhoIsIdleForTooLongIsShownOut) {
  constexpr std::chrono::minutes idle{3};
  foundation.limits.idle = idle;
  auto delivery = connect_to_delivery();
  gate->set_known();
  EXPECT_EQ(ping(delivery), answered);
  pass(idle);
  EXPECT_EQ(ping(delivery), answered);  // it was used in that time
  pass(idle);
  EXPECT_EQ(ping(delivery), answered);
  pass(idle);
  EXPECT_FALSE(has_ended);
  pass(idle);
  pass(limits::linger);
  EXPECT_TRUE(has_ended);
  EXPECT_EQ(foundation.metrics.limits_hit[Limit::idle_minutes].value(), 1u);
}

TEST_F(ConnectionTest, WhoSendsWithoutEndLetsTheLoopComeToTheEndOfItsTurn) {
  auto delivery = connect_to_delivery();
  std::vector<kj::Promise<void>> pings;
  for (size_t i = 0; i < 3 * limits::messages_a_turn; ++i) {
    auto request = delivery.exchangeRequest();
    request.initRequest().setMsgType(rpc::MsgType::PING);
    pings.push_back(request.send().ignoreResult().eagerlyEvaluate(nullptr));
  }
  for (size_t calls = 0; calls < pings.size();) {
    pass(std::chrono::seconds(0));
    EXPECT_LE(gate->calls(), calls + limits::messages_a_turn);
    ASSERT_GT(gate->calls(), calls);
    calls = gate->calls();
  }
  for (auto& each : pings) each.wait(scope);
}

/// Says that each call is one too many.
class RefusesAll final : public rpc::EnvelopeExchange::Server {
 public:
  explicit RefusesAll(std::shared_ptr<CallGate> gate) : gate_(std::move(gate)) {}

 protected:
  kj::Promise<void> exchange(ExchangeContext) override {
    return gate_->run(CallKind::exchange,
                      []() -> kj::Promise<void> { throw Error(Reason::rate_limited, "too many"); });
  }

 private:
  const std::shared_ptr<CallGate> gate_;
};

TEST_F(ConnectionTest, WhoIsRefusedForTooManyCallsIsNotReadForAWhile) {
  auto service = connect<rpc::EnvelopeExchange>(kj::heap<RefusesAll>(gate), limits::message_words);
  EXPECT_EQ(reason_of(service.exchangeRequest()), Reason::rate_limited);
  auto more = service.exchangeRequest().send().ignoreResult().eagerlyEvaluate(nullptr);
  auto still_more = service.exchangeRequest().send().ignoreResult().eagerlyEvaluate(nullptr);
  pass(std::chrono::seconds(0));
  EXPECT_LE(gate->calls(), 2u);  // the reader was ahead by one message
  const uint64_t before = gate->calls();
  pass(std::chrono::seconds(1));
  EXPECT_GT(gate->calls(), before);
}

/// Follows the pointers of what it is called with, as deep as they go.
class FollowsPointers final : public capnp::Capability::Server {
 public:
  DispatchCallResult dispatchCall(
      uint64_t, uint16_t,
      capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer> context) override {
    capnp::AnyPointer::Reader pointer = context.getParams();
    while (!pointer.isNull()) pointer = pointer.getAs<capnp::AnyStruct>().getPointerSection()[0];
    return {kj::READY_NOW, false};
  }
};

TEST_F(ConnectionTest, NothingIsFollowedThatIsNestedDeeply) {
  auto service = connect<capnp::Capability>(kj::heap<FollowsPointers>(), limits::message_words);
  auto call = [&](int depth) {
    auto request = service.typelessRequest(1, 0, nullptr);
    auto inner = request.initAsAnyStruct(0, 1);
    while (--depth > 0) inner = inner.getPointerSection()[0].initAsAnyStruct(0, 1);
    return reason_of(kj::mv(request));
  };
  EXPECT_EQ(call(2), answered);
  for (int depth : {limits::message_nesting, 100, 8000}) {
    EXPECT_NE(call(depth), answered) << depth;
  }
  EXPECT_EQ(call(2), answered);
  EXPECT_FALSE(has_ended);
}

/// Answers when it is told to.
class Waits final : public capnp::Capability::Server {
 public:
  DispatchCallResult dispatchCall(
      uint64_t, uint16_t, capnp::CallContext<capnp::AnyPointer, capnp::AnyPointer>) override {
    ++calls;
    return {answering_.addBranch(), false};
  }
  void answer() { pair_.fulfiller->fulfill(); }
  size_t calls = 0;

 private:
  kj::PromiseFulfillerPair<void> pair_ = kj::newPromiseAndFulfiller<void>();
  kj::ForkedPromise<void> answering_ = pair_.promise.fork();
};

TEST_F(ConnectionTest, NoMoreIsReadWhileTooManyWordsAreUnanswered) {
  auto waiting = kj::heap<Waits>();
  Waits& service = *waiting;
  auto waiting_client = connect<capnp::Capability>(kj::mv(waiting), limits::message_words);
  constexpr size_t size = size_t{1} << 20;
  constexpr size_t fit = limits::call_words_in_flight * sizeof(capnp::word) / size;
  std::vector<kj::Promise<void>> calls;
  while (calls.size() < fit + 8) {
    auto request = waiting_client.typelessRequest(1, 0, nullptr);
    request.initAs<capnp::Data>(size);
    calls.push_back(request.send().ignoreResult().eagerlyEvaluate(nullptr));
  }
  while (service.calls < fit) pass(std::chrono::seconds(0));
  for (int i = 0; i < 20; ++i) pass(std::chrono::seconds(0));
  EXPECT_EQ(service.calls, fit);
  service.answer();
  for (auto& call : calls) call.wait(scope);
  EXPECT_EQ(service.calls, fit + 8);
}

TEST_F(ConnectionTest, AMessageThatIsTooLargeForTheServiceIsNotRead) {
  auto authentication = connect<rpc::AuthenticationService>(
      kj::heap<AuthenticationService>(foundation, peer), limits::authentication_message_words);
  auto upload = [&](size_t size) {
    auto request = authentication.uploadKeyPackageRequest();
    request.setIdentityKey(as_data(owner(1)));
    request.setPackage(as_data(Bytes(size)));
    return reason_of(kj::mv(request));
  };
  EXPECT_EQ(upload(limits::key_package_bytes), Reason::unauthorized);  // read, and refused
  EXPECT_EQ(upload(2 * limits::key_package_bytes), Reason::unknown);   // the connection ended
}

}  // namespace
}  // namespace qnpc::server
