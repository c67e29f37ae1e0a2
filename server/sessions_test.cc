// sessions_test: what an identity may do after its login, and nobody else, over the model of the
// store. The server is not open.
#include <gtest/gtest.h>

#include "qnpc/crypto/signature.h"
#include "qnpc/crypto/system_random.h"
#include "schemas/login.h"
#include "server/authentication_service.h"
#include "server/delivery_service.h"
#include "server/parameters.h"
#include "server/service_test_support.h"
#include "server/store/store_test_support.h"

namespace qnpc::server {
namespace {

constexpr auto ed25519 = crypto::SignatureScheme::ed25519;

Bytes hash_of(View token) { return crypto::digest(crypto::Hash::sha256, token); }

class Sessions : public testing::Test {
 protected:
  explicit Sessions(Registration registration = Registration::open)
      : foundation({.registration = registration}) {}
  ~Sessions() noexcept override = default;

  /// A connection whose handshake had that number for a hash.
  Peer peer_with_hash(uint8_t number) {
    Peer peer = foundation.peer();
    peer.handshake_hash.fill(number);
    return peer;
  }
  OwnerKey identity() const {
    OwnerKey out{};
    std::ranges::copy(key.public_key, out.begin());
    return out;
  }
  template <class Request>
  Reason reason_of(Request request) {
    kj::Promise<int> done = request.send().then([](auto&&) { return 0; });
    return failure(kj::mv(done), scope);
  }
  template <class Service>
  auto login_request(Service& service, uint8_t signed_hash) {
    auto request = service.loginRequest();
    request.setIdentityKey(as_data(key.public_key));
    Bytes hash(32, signed_hash);
    Bytes message = rpc::login_message(hash);
    request.setSignature(as_data(crypto::sign(ed25519, key, message)));
    return request;
  }
  auto account() {  // pipelined: nobody has waited for the login
    return login_request(authentication, 1).send().getSession();
  }
  void reconnect() {
    authentication = kj::heap<AuthenticationService>(foundation, peer_with_hash(1));
  }
  auto inbox() { return login_request(delivery, 2).send().getSession(); }
  auto enqueue_request(View token) {
    auto request = delivery.enqueueRequest();
    request.setRecipientKey(as_data(key.public_key));
    request.setToken(as_data(token));
    request.setPayload(as_data(as_view("hello")));
    return request;
  }
  template <class Session>
  auto claim_request(Session session, View identity) {
    auto request = session.fetchKeyPackageRequest();
    request.setIdentityKey(as_data(identity));
    return request;
  }
  void upload(std::string_view package, bool is_last_resort = false) {
    auto request = account().uploadKeyPackageRequest();
    request.setPackage(as_data(as_view(package)));
    request.setIsLastResort(is_last_resort);
    auto answer = request.send().wait(scope);
    EXPECT_EQ(to_bytes(View(answer.getFingerprint())), hash_of(as_view(package)));
  }

  static constexpr Reason accepted = Reason::internal;  // what `failure` says of a success

  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  TestFoundation foundation;
  kj::TimerImpl timer{kj::origin<kj::TimePoint>()};
  Subscriptions subscriptions{foundation.store, timer};
  rpc::AuthenticationService::Client authentication =
      kj::heap<AuthenticationService>(foundation, peer_with_hash(1));
  rpc::DeliveryService::Client delivery =
      kj::heap<DeliveryService>(foundation, subscriptions, peer_with_hash(2));
  crypto::SystemRandom random;
  crypto::SignatureKeyPair key = crypto::generate_signature_key(ed25519, random);
};

class SessionsByInvitation : public Sessions {
 protected:
  SessionsByInvitation() : Sessions(Registration::invitation) {}
  auto login_with(View invitation) {
    auto request = login_request(authentication, 1);
    request.setInvitation(as_data(invitation));
    return request;
  }
  void invite(View invitation, uint64_t uses) {
    Invitation stored{.uses = uses, .expires = std::chrono::sys_days(std::chrono::days(30'000))};
    std::ranges::copy(hash_of(invitation), stored.token.begin());
    foundation.store.create_invitation(stored).wait(scope);
  }
};

class SessionsOfAClosedServer : public Sessions {
 protected:
  SessionsOfAClosedServer() : Sessions(Registration::closed) {}
};

TEST_F(Sessions, ASignatureOfAnotherConnectionIsRefused) {
  EXPECT_EQ(reason_of(login_request(authentication, 1)), accepted);
  EXPECT_EQ(reason_of(login_request(authentication, 2)), Reason::unauthorized);
  EXPECT_EQ(reason_of(login_request(delivery, 1)), Reason::unauthorized);
}

TEST_F(Sessions, ASignatureOfSomebodyElseIsRefused) {
  auto request = login_request(authentication, 1);
  request.setIdentityKey(as_data(crypto::generate_signature_key(ed25519, random).public_key));
  EXPECT_EQ(reason_of(kj::mv(request)), Reason::unauthorized);
  auto empty = login_request(authentication, 1);
  empty.setSignature(as_data(View()));
  EXPECT_EQ(reason_of(kj::mv(empty)), Reason::unauthorized);
}

TEST_F(Sessions, WhatIsCalledOnARefusedSessionFailsLikewise) {
  auto session = login_request(authentication, 9).send().getSession();
  EXPECT_EQ(reason_of(session.countKeyPackagesRequest()), Reason::unauthorized);
}

TEST_F(Sessions, CallsWithoutALoginAreRefused) {
  auto upload = authentication.uploadKeyPackageRequest();
  upload.setIdentityKey(as_data(key.public_key));
  upload.setPackage(as_data(as_view("x")));
  EXPECT_EQ(reason_of(kj::mv(upload)), Reason::unauthorized);
  EXPECT_EQ(reason_of(claim_request(authentication, key.public_key)), Reason::unauthorized);
  auto with_key = [&](auto request) {
    request.setRecipientKey(as_data(key.public_key));
    return request;
  };
  EXPECT_EQ(reason_of(with_key(delivery.readRequest())), Reason::unauthorized);
  EXPECT_EQ(reason_of(with_key(delivery.fetchRequest())), Reason::unauthorized);
  EXPECT_EQ(reason_of(with_key(delivery.acknowledgeRequest())), Reason::unauthorized);
  EXPECT_EQ(reason_of(with_key(delivery.subscribeRequest())), Reason::unauthorized);
  EXPECT_EQ(reason_of(delivery.createLogRequest()), Reason::unauthorized);
}

TEST_F(Sessions, KeyPackagesAreUploadedForOneselfAndCounted) {
  upload("one");
  upload("last", true);
  auto stock = account().countKeyPackagesRequest().send().wait(scope);
  EXPECT_EQ(stock.getCount(), 1u);
  EXPECT_TRUE(stock.getHasLastResort());
  for (const char* expected : {"one", "last", "last"}) {
    auto answer = claim_request(account(), key.public_key).send().wait(scope);
    EXPECT_EQ(to_text(View(answer.getPackage())), expected);
  }
}

TEST_F(Sessions, KeyPackagesAreToldApartByTheirSuite) {
  upload("classic");  // who names no suite means the first
  auto hybrid = account().uploadKeyPackageRequest();
  hybrid.setPackage(as_data(as_view("hybrid")));
  hybrid.setCipherSuite(77);
  hybrid.send().wait(scope);
  auto take = [&](CipherSuite suite) {
    auto request = claim_request(account(), key.public_key);
    request.setCipherSuite(suite);
    return to_text(View(request.send().wait(scope).getPackage()));
  };
  auto count = [&](CipherSuite suite) {
    auto request = account().countKeyPackagesRequest();
    request.setCipherSuite(suite);
    return request.send().wait(scope).getCount();
  };
  EXPECT_EQ(count(1), 1u);
  EXPECT_EQ(take(77), "hybrid");
  EXPECT_EQ(count(77), 0u);
  EXPECT_EQ(take(77), "");
  EXPECT_EQ(take(1), "classic");
}

TEST_F(Sessions, WhoReplacesKeyPackagesDropsThoseBefore) {
  upload("old");
  upload("last", true);
  account().dropKeyPackagesRequest().send().wait(scope);
  upload("fresh");
  for (const char* expected : {"fresh", "last"}) {
    auto answer = claim_request(account(), key.public_key).send().wait(scope);
    EXPECT_EQ(to_text(View(answer.getPackage())), expected);
  }
}

TEST_F(Sessions, TakingKeyPackagesOfOneIdentityIsLimited) {
  auto session = account();
  for (int i = 0; i < static_cast<int>(limits::claims_of_pair.burst); ++i) {
    EXPECT_EQ(reason_of(claim_request(session, key.public_key)), accepted);
  }
  EXPECT_EQ(reason_of(claim_request(session, key.public_key)), Reason::rate_limited);
  EXPECT_EQ(reason_of(claim_request(session, Bytes(32))), accepted);
}

TEST_F(Sessions, TakingKeyPackagesOfManyIdentitiesIsLimited) {
  auto session = account();
  std::vector<Reason> reasons;
  for (int i = 0; i <= static_cast<int>(limits::claims_by_requester.burst); ++i) {
    Bytes identity(32, static_cast<uint8_t>(i));
    identity[1] = static_cast<uint8_t>(i >> 8);
    reasons.push_back(reason_of(claim_request(session, identity)));
  }
  EXPECT_EQ(reasons.back(), Reason::rate_limited);
  EXPECT_EQ(std::ranges::count(reasons, accepted), std::ssize(reasons) - 1);
}

TEST_F(Sessions, OfATargetThatManyTakeFromTheLastResortIsLeft) {
  const int burst = static_cast<int>(limits::claims_of_target.burst);
  const Bytes target = key.public_key;
  upload("last", true);
  for (int i = 0; i <= burst; ++i) {
    reconnect();
    upload(std::to_string(i));
  }
  for (int i = 0; i <= burst; ++i) {
    key = crypto::generate_signature_key(ed25519, random);  // everybody once
    reconnect();
    auto answer = claim_request(account(), target).send().wait(scope);
    EXPECT_EQ(to_text(View(answer.getPackage())), i < burst ? std::to_string(i) : "last");
  }
}

TEST_F(Sessions, OfATargetThatManyTakeFromWithoutALastResortNothingIsTaken) {
  const int burst = static_cast<int>(limits::claims_of_target.burst);
  const Bytes target = key.public_key;
  for (int i = 0; i <= burst; ++i) {
    reconnect();
    upload(std::to_string(i));
  }
  for (int i = 0; i <= burst; ++i) {
    key = crypto::generate_signature_key(ed25519, random);
    reconnect();
    EXPECT_EQ(reason_of(claim_request(account(), target)),
              i < burst ? accepted : Reason::rate_limited);
  }
}

TEST_F(Sessions, AnInboxIsDeliveredToWithItsToken) {
  Bytes token(32, 7);
  EXPECT_EQ(reason_of(enqueue_request(token)), Reason::unauthorized);
  auto request = inbox().setDeliveryTokenRequest();
  request.setTokenHash(as_data(hash_of(token)));
  request.send().wait(scope);
  EXPECT_EQ(reason_of(enqueue_request(token)), accepted);
  EXPECT_EQ(reason_of(enqueue_request(Bytes(32, 8))), Reason::unauthorized);
  EXPECT_EQ(reason_of(enqueue_request(View())), Reason::malformed);
  auto page = inbox().readRequest().send().wait(scope);
  ASSERT_EQ(page.getEntries().size(), 1u);
  EXPECT_EQ(to_text(View(page.getEntries()[0].getPayload())), "hello");
  auto acknowledge = inbox().acknowledgeRequest();
  acknowledge.setThrough(page.getEntries()[0].getSequence());
  acknowledge.send().wait(scope);
  EXPECT_EQ(inbox().readRequest().send().wait(scope).getEntries().size(), 0u);
}

TEST_F(Sessions, MakingLogsIsLimited) {
  auto session = inbox();
  auto make = [&](int number) {
    auto request = session.createLogRequest();
    Bytes id(32, static_cast<uint8_t>(number));
    request.setLogId(as_data(id));
    request.setTokenHash(as_data(id));
    return reason_of(kj::mv(request));
  };
  const int burst = static_cast<int>(limits::logs_by_identity.burst);
  for (int i = 0; i < burst; ++i) EXPECT_EQ(make(i), accepted);
  EXPECT_EQ(make(burst), Reason::rate_limited);
}

TEST_F(Sessions, LoginsOfOneAddressAreLimited) {
  Reason last = accepted;
  for (int i = 0; i <= static_cast<int>(limits::logins.burst); ++i) {
    EXPECT_EQ(last, accepted);
    reconnect();
    last = reason_of(login_request(authentication, 1));
  }
  EXPECT_EQ(last, Reason::rate_limited);
}

TEST_F(SessionsByInvitation, ANewIdentityNeedsOneAndThenNoLonger) {
  Bytes invitation(32, 5);
  invite(invitation, 1);

  EXPECT_EQ(reason_of(login_request(authentication, 1)), Reason::unauthorized);
  EXPECT_EQ(reason_of(login_request(delivery, 2)), Reason::unauthorized);
  EXPECT_EQ(reason_of(login_with(Bytes(32, 6))), Reason::unauthorized);
  EXPECT_EQ(reason_of(login_with(Bytes(31, 5))), Reason::malformed);
  EXPECT_EQ(reason_of(login_with(invitation)), accepted);
  EXPECT_EQ(reason_of(login_request(authentication, 1)), accepted);
  EXPECT_EQ(reason_of(login_request(delivery, 2)), accepted);
  key = crypto::generate_signature_key(ed25519, random);
  EXPECT_EQ(reason_of(login_with(invitation)), Reason::unauthorized);  // used up
}

// So that nobody uses up an invitation in another's name.
TEST_F(SessionsByInvitation, ABadSignatureUsesNone) {
  Bytes invitation(32, 5);
  invite(invitation, 1);
  auto request = login_with(invitation);
  request.setSignature(as_data(Bytes(64)));
  EXPECT_EQ(reason_of(kj::mv(request)), Reason::unauthorized);
  EXPECT_EQ(foundation.store.invitations().wait(scope).at(0).used, 0u);
}

TEST_F(SessionsOfAClosedServer, OnlyWhoIsNamedIsAdmitted) {
  EXPECT_EQ(reason_of(login_request(authentication, 1)), Reason::unauthorized);
  foundation.access.set_standing(identity(), Standing::admitted).wait(scope);
  EXPECT_EQ(reason_of(login_request(authentication, 1)), accepted);
}

TEST_F(Sessions, WhoIsRemovedIsShownOutAndNotLetInAgain) {
  Peer peer = peer_with_hash(1);
  authentication = kj::heap<AuthenticationService>(foundation, peer);
  EXPECT_EQ(reason_of(login_request(authentication, 1)), accepted);
  auto shown_out = peer.calls->when_removed();
  EXPECT_FALSE(shown_out.poll(scope));
  foundation.access.set_standing(identity(), Standing::removed).wait(scope);
  shown_out.wait(scope);
  EXPECT_EQ(reason_of(login_request(authentication, 1)), Reason::unauthorized);
  EXPECT_EQ(reason_of(login_request(delivery, 2)), Reason::unauthorized);
  foundation.access.set_standing(identity(), Standing::admitted).wait(scope);
  EXPECT_EQ(reason_of(login_request(delivery, 2)), accepted);
}

TEST_F(SessionsByInvitation, WhoIsRemovedDoesNotComeBackWithItsInvitation) {
  Bytes invitation(32, 5);
  invite(invitation, 2);
  EXPECT_EQ(reason_of(login_with(invitation)), accepted);
  foundation.access.set_standing(identity(), Standing::removed).wait(scope);
  EXPECT_EQ(reason_of(login_with(invitation)), Reason::unauthorized);
}

TEST_F(Sessions, WhoEverWasAdmittedIsRemembered) {
  EXPECT_EQ(reason_of(login_request(delivery, 2)), accepted);
  EXPECT_EQ(foundation.store.admitted().wait(scope), std::vector{identity()});
}

TEST_F(Sessions, NewIdentitiesOfOneAddressAreLimited) {
  Reason last = accepted;
  for (int i = 0; i <= static_cast<int>(limits::admissions.burst); ++i) {
    EXPECT_EQ(last, accepted);
    key = crypto::generate_signature_key(ed25519, random);
    reconnect();
    last = reason_of(login_request(authentication, 1));
  }
  EXPECT_EQ(last, Reason::rate_limited);
}

TEST_F(Sessions, LoginsOnOneConnectionAreLimited) {
  for (size_t i = 0; i < limits::sessions; ++i) {
    EXPECT_EQ(reason_of(login_request(authentication, 1)), accepted);
  }
  EXPECT_EQ(reason_of(login_request(authentication, 1)), Reason::overloaded);
  EXPECT_EQ(reason_of(login_request(delivery, 2)), accepted);
}

}  // namespace
}  // namespace qnpc::server
