// services_test: both services as a caller sees them, over the model of the store.
#include <gtest/gtest.h>

#include "qnpc/crypto/hash.h"
#include "server/authentication_service.h"
#include "server/delivery_service.h"
#include "server/parameters.h"
#include "server/service_test_support.h"
#include "server/store/store_test_support.h"

namespace qnpc::server {
namespace {

class Services : public testing::Test {
 protected:
  ~Services() noexcept override = default;

  template <class Request>
  Reason reason_of(Request request) {
    kj::Promise<int> done = request.send().then([](auto&&) { return 0; });
    return failure(kj::mv(done), scope);
  }
  Bytes upload(View key, View package) {
    auto request = authentication.uploadKeyPackageRequest();
    request.setIdentityKey(as_data(key));
    request.setPackage(as_data(package));
    return to_bytes(View(request.send().wait(scope).getFingerprint()));
  }
  std::string take(View key) {
    auto request = authentication.fetchKeyPackageRequest();
    request.setIdentityKey(as_data(key));
    return to_text(View(request.send().wait(scope).getPackage()));
  }
  auto enqueue_request(View key, View payload, View id) {
    auto request = delivery.enqueueRequest();
    request.setRecipientKey(as_data(key));
    request.setPayload(as_data(payload));
    request.setMessageId(as_data(id));
    return request;
  }
  auto read_request(View key, uint64_t after) {
    auto request = delivery.readRequest();
    request.setRecipientKey(as_data(key));
    request.setAfter(after);
    return request;
  }
  auto fetch_request(View key) {
    auto request = delivery.fetchRequest();
    request.setRecipientKey(as_data(key));
    return request;
  }

  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  TestFoundation foundation;
  ModelStore& store = foundation.store;
  rpc::AuthenticationService::Client authentication =
      kj::heap<AuthenticationService>(foundation, foundation.peer());
  kj::TimerImpl timer{kj::origin<kj::TimePoint>()};
  Subscriptions subscriptions{store, timer};
  rpc::DeliveryService::Client delivery =
      kj::heap<DeliveryService>(foundation, subscriptions, foundation.peer());
  OwnerKey alice = owner(1);
  Bytes short_key = Bytes(31);
};

TEST_F(Services, BothAnswerAPing) {
  rpc::EnvelopeExchange::Client services[] = {authentication, delivery};
  for (auto& service : services) {
    auto request = service.exchangeRequest();
    request.initRequest().setMsgType(rpc::MsgType::PING);
    request.getRequest().setPayload(as_data(as_view("nonce")));
    auto answer = request.send().wait(scope);
    EXPECT_EQ(answer.getReply().getMsgType(), rpc::MsgType::PONG);
    EXPECT_EQ(to_text(View(answer.getReply().getPayload())), "nonce");
  }
}

TEST_F(Services, DescribeTheServer) {
  rpc::EnvelopeExchange::Client services[] = {authentication, delivery};
  for (auto& service : services) {
    auto answer = service.describeRequest().send().wait(scope);
    EXPECT_EQ(answer.getServer().getRequiresHybrid(), true);
    EXPECT_EQ(answer.getServer().getVersion(), "1.2.3");
    EXPECT_EQ(answer.getServer().getDeliveryPort(), 7001);
    EXPECT_TRUE(answer.getServer().getOpenCalls());
    EXPECT_EQ(answer.getServer().getRegistration(), rpc::Registration::OPEN);
  }
}

TEST_F(Services, RefuseOtherEnvelopes) {
  auto pong = delivery.exchangeRequest();
  pong.initRequest().setMsgType(rpc::MsgType::PONG);
  EXPECT_EQ(reason_of(kj::mv(pong)), Reason::unsupported);
  auto unknown = delivery.exchangeRequest();
  unknown.initRequest().setMsgType(static_cast<rpc::MsgType>(7));
  EXPECT_EQ(reason_of(kj::mv(unknown)), Reason::unsupported);
  auto large = delivery.exchangeRequest();
  large.initRequest().setPayload(as_data(Bytes(limits::ping_bytes + 1)));
  EXPECT_EQ(reason_of(kj::mv(large)), Reason::too_large);
}

TEST_F(Services, KeyPackageGoesRoundOnceWithItsFingerprint) {
  Bytes sha256 = crypto::digest(crypto::Hash::sha256, as_view("package"));
  EXPECT_EQ(upload(alice, as_view("package")), sha256);
  EXPECT_EQ(take(alice), "package");
  EXPECT_EQ(upload(alice, as_view("package")), sha256);
  EXPECT_EQ(take(alice), "");
}

TEST_F(Services, CheckKeyPackagesAtTheDoor) {
  auto request = [&](View key, View package) {
    auto upload = authentication.uploadKeyPackageRequest();
    upload.setIdentityKey(as_data(key));
    upload.setPackage(as_data(package));
    return upload;
  };
  EXPECT_EQ(reason_of(request(short_key, as_view("x"))), Reason::malformed);
  EXPECT_EQ(reason_of(request(alice, {})), Reason::malformed);
  Bytes largest(limits::key_package_bytes);
  EXPECT_EQ(reason_of(request(alice, largest)), Reason::internal);  // it did not fail
  EXPECT_EQ(reason_of(request(alice, Bytes(largest.size() + 1))), Reason::too_large);
  auto fetch = authentication.fetchKeyPackageRequest();
  fetch.setIdentityKey(as_data(short_key));
  EXPECT_EQ(reason_of(kj::mv(fetch)), Reason::malformed);
}

TEST_F(Services, PayloadsAreFetchedInOrderAndOnce) {
  MessageId id = message_id(5);
  enqueue_request(alice, as_view("first"), {}).send().wait(scope);
  enqueue_request(alice, as_view("second"), id).send().wait(scope);
  enqueue_request(alice, as_view("second"), id).send().wait(scope);
  auto answer = fetch_request(alice).send().wait(scope);
  ASSERT_EQ(answer.getPayloads().size(), 2u);
  EXPECT_EQ(to_text(View(answer.getPayloads()[0])), "first");
  EXPECT_EQ(to_text(View(answer.getPayloads()[1])), "second");
  EXPECT_EQ(fetch_request(alice).send().wait(scope).getPayloads().size(), 0u);
}

TEST_F(Services, EntriesAreReadAfterACursorUntilAcknowledged) {
  for (const char* payload : {"a", "b", "c"}) {
    enqueue_request(alice, as_view(payload), {}).send().wait(scope);
  }
  auto first = read_request(alice, 0);
  first.setLimit(2);
  auto page = first.send().wait(scope);
  ASSERT_EQ(page.getEntries().size(), 2u);
  EXPECT_TRUE(page.getMore());
  uint64_t cursor = page.getEntries()[1].getSequence();
  auto acknowledge = delivery.acknowledgeRequest();
  acknowledge.setRecipientKey(as_data(alice));
  acknowledge.setThrough(cursor);
  acknowledge.send().wait(scope);
  auto rest = read_request(alice, 0).send().wait(scope);
  ASSERT_EQ(rest.getEntries().size(), 1u);
  EXPECT_FALSE(rest.getMore());
  EXPECT_EQ(to_text(View(rest.getEntries()[0].getPayload())), "c");
}

TEST_F(Services, CheckPayloadsAtTheDoor) {
  EXPECT_EQ(reason_of(enqueue_request(short_key, as_view("x"), {})), Reason::malformed);
  EXPECT_EQ(reason_of(enqueue_request(alice, as_view("x"), Bytes(15))), Reason::malformed);
  Bytes largest(limits::payload_bytes);
  EXPECT_EQ(reason_of(enqueue_request(alice, largest, {})), Reason::internal);  // did not fail
  EXPECT_EQ(reason_of(enqueue_request(alice, Bytes(largest.size() + 1), {})), Reason::too_large);
  EXPECT_EQ(reason_of(fetch_request(short_key)), Reason::malformed);
  EXPECT_EQ(reason_of(read_request(short_key, 0)), Reason::malformed);
  auto acknowledge = delivery.acknowledgeRequest();
  EXPECT_EQ(reason_of(kj::mv(acknowledge)), Reason::malformed);
}

TEST_F(Services, PassOnTheReasonOfTheStore) {
  for (uint64_t i = 0; i < limits::key_packages; ++i) {
    upload(alice, Bytes{static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8)});
  }
  auto request = authentication.uploadKeyPackageRequest();
  request.setIdentityKey(as_data(alice));
  request.setPackage(as_data(as_view("one more")));
  EXPECT_EQ(reason_of(kj::mv(request)), Reason::quota);
}

TEST(CallGate, BoundsLargeAnswersInTheMaking) {
  kj::EventLoop loop;
  kj::WaitScope scope(loop);
  TestFoundation foundation;
  auto gate = foundation.peer().calls;
  auto never = [] { return kj::Promise<void>(kj::NEVER_DONE); };
  std::vector<kj::Promise<void>> calls;
  for (size_t i = 0; i < limits::large_answers; ++i)
    calls.push_back(gate->run(CallKind::read, never));
  auto one_more = gate->run(CallKind::read, never).then([] { return 0; });
  EXPECT_EQ(failure(kj::mv(one_more), scope), Reason::overloaded);
  gate->run(CallKind::append, [] { return kj::Promise<void>(kj::READY_NOW); }).wait(scope);
  calls.pop_back();
  EXPECT_FALSE(gate->run(CallKind::read, never).poll(scope));
}

TEST(CallGate, BoundsUnansweredCallsAndTellsWhenAllAreAnswered) {
  kj::EventLoop loop;
  kj::WaitScope scope(loop);
  TestFoundation foundation;
  auto gate = foundation.peer().calls;
  std::vector<kj::Own<kj::PromiseFulfiller<void>>> answers;
  std::vector<kj::Promise<void>> calls;
  auto call = [&] {
    auto paf = kj::newPromiseAndFulfiller<void>();
    answers.push_back(kj::mv(paf.fulfiller));
    return gate->run(CallKind::append, [&] { return kj::mv(paf.promise); });
  };
  auto reason_of = [&](kj::Promise<void> promise) {
    return failure(promise.then([] { return 0; }), scope);
  };
  for (size_t i = 0; i < limits::calls_in_flight; ++i) calls.push_back(call());
  EXPECT_EQ(reason_of(call()), Reason::overloaded);
  gate->refuse(Error(Reason::unavailable, "the end"));
  EXPECT_EQ(reason_of(call()), Reason::unavailable);
  for (auto& answer : answers) answer->fulfill();
  for (auto& promise : calls) promise.wait(scope);
  calls.clear();
  EXPECT_EQ(gate->in_flight(), 0u);
}

}  // namespace
}  // namespace qnpc::server
