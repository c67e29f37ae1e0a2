// service_attack_test: peers whose every call is well formed, and who make too many of them.
#include "tests/abuse/attack.h"

namespace qnpc::abuse {
namespace {

class ServiceAttack : public Attack {
 protected:
  /// What became of many calls.
  struct Outcomes {
    size_t answered = 0;
    std::map<Reason, size_t> refused;
  };
  template <class Request>
  kj::Promise<void> count(Outcomes& outcomes, Request request) {
    return request.send()
        .then(
            [&outcomes](auto&&) { ++outcomes.answered; },
            [&outcomes](kj::Exception&& e) { ++outcomes.refused[rpc::from_exception(e).reason()]; })
        .eagerlyEvaluate(nullptr);
  }
  /// As long as the attack goes on, so many calls at once.
  template <class MakeRequest>
  Outcomes flood(size_t at_once, MakeRequest make_request) {
    Outcomes outcomes;
    while (goes_on()) {
      std::vector<kj::Promise<void>> calls;
      for (size_t i = 0; i < at_once; ++i) calls.push_back(count(outcomes, make_request()));
      for (auto& call : calls) call.wait(io.waitScope);
    }
    return outcomes;
  }
};

TEST_F(ServiceAttack, DrainsKeyPackages) {
  start();
  AuthenticationClient victim(io, server->authentication, server->key);
  const auto key = new_identity();
  auto session = log_in(victim, key);
  constexpr uint32_t packages = 200;
  for (uint32_t i = 0; i < packages; ++i) {
    auto upload = session.uploadKeyPackageRequest();
    upload.setPackage(test::as_data(test::numbered(300, i + 1)));
    upload.send().wait(io.waitScope);
  }
  Outcomes outcomes;
  withstand([&] {
    AuthenticationClient attacker(io, server->authentication, server->key);
    std::vector<decltype(log_in(attacker))> sessions;
    while (sessions.size() < 15) sessions.push_back(log_in(attacker));
    size_t next = 0;
    outcomes = flood(8, [&] {
      auto request = sessions[next++ % sessions.size()].fetchKeyPackageRequest();
      request.setIdentityKey(test::as_data(key.public_key));
      return request;
    });
  });
  EXPECT_GT(outcomes.refused[Reason::rate_limited], 0u);
  auto left = session.countKeyPackagesRequest().send().wait(io.waitScope);
  EXPECT_GT(left.getCount(), packages / 3);
}

TEST_F(ServiceAttack, FloodsAnInbox) {
  start({"--deliveries-rate", "300:600"});
  LogClient victim(io, server->delivery, server->key);
  const auto key = new_identity();
  auto session = log_in(victim, key);
  auto set_token = session.setDeliveryTokenRequest();
  set_token.setTokenHash(test::as_data(test::token_hash_of(0)));
  set_token.send().wait(io.waitScope);
  Outcomes outcomes;
  withstand([&] {
    LogClient attacker(io, server->delivery, server->key);
    outcomes = flood(8, [&] {
      auto request = attacker.service.enqueueRequest();
      request.setRecipientKey(test::as_data(key.public_key));
      request.setToken(test::as_data(test::token_of(0)));
      request.setPayload(test::as_data(Bytes(10'000)));
      return request;
    });
  });
  EXPECT_GE(outcomes.answered, 300u);
  EXPECT_GT(outcomes.refused[Reason::rate_limited], 0u);
  EXPECT_EQ(hits("deliveries-rate"), outcomes.refused[Reason::rate_limited]);
  // Its owner reads all of it and is rid of it.
  size_t entries = 0;
  for (bool more = true; more;) {
    auto page = session.readRequest().send().wait(io.waitScope);
    more = page.getMore();
    if (page.getEntries().size() == 0) break;
    entries += page.getEntries().size();
    auto acknowledge = session.acknowledgeRequest();
    acknowledge.setThrough(page.getEntries()[page.getEntries().size() - 1].getSequence());
    acknowledge.send().wait(io.waitScope);
  }
  EXPECT_EQ(entries, outcomes.answered);
}

TEST_F(ServiceAttack, GuessesTokens) {
  start();
  Outcomes outcomes;
  withstand([&] {
    // From another address: those who share it would be refused too.
    KJ_IF_MAYBE (channel, channel_from(2)) {
      capnp::TwoPartyClient client(**channel);
      auto service = client.bootstrap().castAs<rpc::DeliveryService>();
      outcomes = flood(100, [&] {
        auto request = service.appendRequest();
        request.setLogId(test::as_data(random.bytes(32)));
        request.setToken(test::as_data(random.bytes(32)));
        request.setMessageId(test::as_data(random.bytes(16)));
        return request;
      });
    }
  });
  EXPECT_EQ(outcomes.answered, 0u);
  EXPECT_LT(outcomes.refused[Reason::not_found], 3000u);
  EXPECT_GT(outcomes.refused[Reason::rate_limited], 0u);
}

TEST_F(ServiceAttack, StoresAsMuchAsItCan) {
  start({"--stored-rate", "100000:1000"});
  LogClient member(io, server->delivery, server->key);
  make_log(member).wait(io.waitScope);
  Outcomes outcomes;
  uint64_t id = 0;
  withstand([&] {
    KJ_IF_MAYBE (channel, channel_from(2)) {
      capnp::TwoPartyClient client(**channel);
      auto service = client.bootstrap().castAs<rpc::DeliveryService>();
      const Bytes payload(size_t{4} << 20);
      outcomes = flood(8, [&] {
        auto request = service.appendRequest();
        request.setLogId(test::as_data(member.log));
        request.setToken(test::as_data(test::token_of(0)));
        request.setMessageId(test::as_data(test::numbered(16, ++id)));
        request.setPayload(test::as_data(payload));
        return request;
      });
    }
  });
  EXPECT_LT(outcomes.answered, 30u);  // some 100 MiB
}

/// Subscribes to a log of four pages, and answers no push.
class SubscribingAttack : public ServiceAttack {
 protected:
  void start_with_a_log() {
    start();
    member.emplace(io, server->delivery, server->key);
    make_log(*member).wait(io.waitScope);
    for (uint64_t id = 1; id <= 4; ++id) {
      member->append_request(0, id, Bytes(200'000)).send().wait(io.waitScope);
    }
  }
  auto subscribe_request() {
    while (attackers.size() < 8) {
      attackers.push_back(std::make_unique<LogClient>(io, server->delivery, server->key));
      attackers.back()->log = member->log;
    }
    auto never =
        kj::heap<test::TestLogSink>([](auto) { return kj::Promise<void>(kj::NEVER_DONE); });
    return attackers[next++ % attackers.size()]->subscribe_request(0, 0, kj::mv(never));
  }

  std::optional<LogClient> member;
  std::vector<std::unique_ptr<LogClient>> attackers;
  size_t next = 0;
};

TEST_F(SubscribingAttack, SubscribesAndLeavesWithoutEnd) {
  start_with_a_log();
  Outcomes outcomes;
  withstand([&] { outcomes = flood(100, [&] { return subscribe_request(); }); });
  EXPECT_GT(outcomes.answered, 0u);
}

TEST_F(SubscribingAttack, SubscribesToEverything) {
  start_with_a_log();
  std::vector<rpc::Subscription::Client> subscriptions;
  bool refused = false;
  withstand([&] {
    while (goes_on() || !refused) {
      std::vector<kj::Promise<void>> calls;
      for (size_t i = 0; i < 8; ++i) {  // one each: after a refusal one waits
        calls.push_back(subscribe_request().send().then(
            [&](auto&& answer) { subscriptions.push_back(answer.getSubscription()); },
            [&](kj::Exception&&) { refused = true; }));
      }
      for (auto& call : calls) call.wait(io.waitScope);
    }
  });
  EXPECT_GT(hits("subscriptions"), 0);
}

}  // namespace
}  // namespace qnpc::abuse
