// rpc_attack_test: peers who have a channel and send through it what Cap'n Proto allows, or not.
#include <capnp/any.h>
#include <capnp/rpc.capnp.h>
#include <capnp/serialize-async.h>
#include <capnp/serialize.h>

#include <array>

#include "tests/abuse/attack.h"

namespace qnpc::abuse {
namespace {

using Message = capnp::rpc::Message;

class RpcAttack : public Attack {
 protected:
  using Words = kj::Array<capnp::word>;
  static constexpr uint16_t append_method = 6;    // their ordinals in schemas/delivery.capnp and
  static constexpr uint16_t exchange_method = 0;  // envelope.capnp

  /// As they go over the channel.
  static Words words_of(const std::function<void(Message::Builder)>& fill) {
    capnp::MallocMessageBuilder builder;
    fill(builder.initRoot<Message>());
    return capnp::messageToFlatArray(builder);
  }
  static Words bootstrap(uint32_t question) {
    return words_of([&](auto message) { message.initBootstrap().setQuestionId(question); });
  }
  /// A call on the bootstrap capability of question 0, without its parameters.
  template <class Interface>
  static auto init_call(Message::Builder message, uint32_t question, uint16_t method) {
    auto call = message.initCall();
    call.setQuestionId(question);
    call.initTarget().initPromisedAnswer().setQuestionId(0);
    call.setInterfaceId(capnp::typeId<Interface>());
    call.setMethodId(method);
    return call.initParams();
  }
  /// One of `append`, well formed.
  static Words append_call(uint32_t question) {
    return words_of([&](auto message) {
      auto params = init_call<rpc::DeliveryService>(message, question, append_method)
                        .initContent()
                        .template initAs<rpc::DeliveryService::AppendParams>();
      params.setLogId(test::as_data(Bytes(32)));
      params.setToken(test::as_data(Bytes(32)));
      params.setMessageId(test::as_data(Bytes(16)));
      params.setPayload(test::as_data(Bytes(40)));
    });
  }
  /// A ping, which nothing but the connection's own limits holds up.
  static Words ping_call(uint32_t question) {
    return words_of([&](auto message) {
      init_call<rpc::EnvelopeExchange>(message, question, exchange_method)
          .initContent()
          .template initAs<rpc::EnvelopeExchange::ExchangeParams>()
          .initRequest();
    });
  }
  static Words finish(uint32_t question) {
    return words_of([&](auto message) { message.initFinish().setQuestionId(question); });
  }
  static void set(Words& words, size_t at, uint64_t value) {
    std::memcpy(words.asBytes().begin() + at * sizeof(value), &value, sizeof(value));
  }
  void send(noise::NoiseStream& channel, kj::ArrayPtr<const capnp::word> words) {
    const auto bytes = words.asBytes();
    channel.write(bytes.begin(), bytes.size()).catch_([](kj::Exception&&) {}).wait(io.waitScope);
  }
  /// Until our side of it has nothing more to send, or a moment has passed.
  void drain(noise::NoiseStream& channel) {
    io.provider->getTimer()
        .timeoutAfter(200 * kj::MILLISECONDS, channel.when_drained())
        .catch_([](kj::Exception&&) {})
        .wait(io.waitScope);
  }
  kj::Promise<void> send_for_ever(noise::NoiseStream& channel, View words) {
    return channel.write(words.data(), words.size())
        .then([&channel] { return channel.when_drained(); })
        .then([this, &channel, words] { return send_for_ever(channel, words); });
  }
  kj::Promise<void> listen(noise::NoiseStream& channel) {
    return channel.tryRead(heard_.data(), 1, heard_.size())
        .then([this, &channel](size_t size) -> kj::Promise<void> {
          if (size == 0) return kj::READY_NOW;
          return listen(channel);
        });
  }
  /// On a channel of its own, behind a bootstrap.
  void send_alone(uint8_t host, kj::ArrayPtr<const capnp::word> words) {
    KJ_IF_MAYBE (channel, channel_from(host)) {
      send(**channel, bootstrap(0));
      send(**channel, words);
      drain(**channel);
    }
  }

 private:
  Bytes heard_ = Bytes(size_t{64} << 10);
};

/// Peers who make many calls at once, and take no answer.
class DeafAttack : public RpcAttack {
 protected:
  ~DeafAttack() noexcept override {
    calls_.clear();
    for (Peer& peer : peers_) peer.client = nullptr;
  }
  /// `request`: of a DeliveryService::Client.
  template <class MakeRequest>
  void pipeline(uint8_t host, size_t calls, MakeRequest&& request) {
    auto socket = kj::heap<Deaf>(connect_from(host, server->delivery));
    Deaf& ears = *socket;
    KJ_IF_MAYBE (channel, channel_over(kj::mv(socket))) {
      auto client = kj::heap<capnp::TwoPartyClient>(**channel);
      auto service = client->bootstrap().castAs<rpc::DeliveryService>();
      ears.deaf = true;
      for (size_t i = 0; i < calls; ++i) {
        auto answer = request(service).send().ignoreResult();
        calls_.push_back(answer.catch_([](kj::Exception&&) {}).eagerlyEvaluate(nullptr));
      }
      drain(**channel);
      peers_.push_back({kj::mv(*channel), kj::mv(client)});
    }
  }

 private:
  struct Peer {
    kj::Own<noise::NoiseStream> channel;
    kj::Own<capnp::TwoPartyClient> client;
  };
  std::vector<Peer> peers_;
  std::vector<kj::Promise<void>> calls_;
};

TEST_F(DeafAttack, ReadsMuchAndTakesNothing) {
  start();
  LogClient writer(io, server->delivery, server->key);
  make_log(writer).wait(io.waitScope);
  for (uint64_t id = 1; id <= 3; ++id) {
    writer.append_request(0, id, Bytes(size_t{4} << 20)).send().wait(io.waitScope);
  }
  withstand([&] {
    for (int i = 0; i < 60; ++i) {
      pipeline(static_cast<uint8_t>(2 + i % 6), 100, [&](auto& service) {
        auto request = service.readLogRequest();
        request.setLogId(test::as_data(writer.log));
        request.setToken(test::as_data(test::token_of(0)));
        return request;
      });
    }
    while (goes_on()) pause(0.1);
  });
  EXPECT_GT(hits("message-memory-mib"), 0);
}

// Each answer could bring the commit that came first, which may be as large as a message.
TEST_F(DeafAttack, LosesCommitsAndTakesNoAnswer) {
  start();
  LogClient member(io, server->delivery, server->key);
  make_log(member).wait(io.waitScope);
  uint64_t id = 0;
  const auto commit = [&](rpc::DeliveryService::Client service, const Bytes& payload) {
    auto request = service.appendCommitRequest();
    request.setLogId(test::as_data(member.log));
    request.setToken(test::as_data(test::token_of(0)));
    request.setMessageId(test::as_data(test::numbered(16, ++id)));
    request.setPayload(test::as_data(payload));
    request.setNextTokenHash(test::as_data(Bytes(32)));
    return request;
  };
  commit(member.service, Bytes(size_t{4} << 20)).send().wait(io.waitScope);
  withstand([&] {
    for (uint8_t host = 2; host < 8; ++host) {
      pipeline(host, 250, [&](auto& service) { return commit(service, Bytes(1)); });
    }
    while (goes_on()) pause(0.1);
  });
  EXPECT_GT(metric("commits_lost_total"), 1000);
  if (!is_sanitized) {
    EXPECT_LT(highest_mib(), 128);
  }
}

TEST_F(RpcAttack, SendsLongMessagesThatNeverEnd) {
  start();
  std::vector<kj::Own<noise::NoiseStream>> channels;
  withstand([&] {
    constexpr uint32_t words = (uint32_t{8} << 20) / sizeof(capnp::word) - 1;
    const uint32_t header[] = {0, words};
    const Bytes most(size_t{7} << 20);
    for (int i = 0; i < 60; ++i) {
      KJ_IF_MAYBE (channel, channel_from(static_cast<uint8_t>(2 + i % 6))) {
        (*channel)->write(header, sizeof(header)).wait(io.waitScope);
        (*channel)->write(most.data(), most.size()).catch_([](auto&&) {}).wait(io.waitScope);
        drain(**channel);
        channels.push_back(kj::mv(*channel));
      }
    }
    while (goes_on()) pause(0.1);
  });
  EXPECT_GT(hits("message-memory-mib"), 0);
}

TEST_F(RpcAttack, SendsEveryPointerWrong) {
  start();
  // A pointer to itself, lists of 2^29 things of no size, of one and of many words, a composite
  // list of as many empty structs, far pointers to themselves and to nowhere, a capability that was
  // not sent, and nothing but ones.
  constexpr uint64_t hostile[] = {0x00010001fffffffc, 0xfffffff800000001, 0xffffffff00000001,
                                  0xfffffffd00000001, 0xffffffff00000005, 0x0000000000000002,
                                  0xffffffff00000006, 0xfffffffffffffffa, 0xffffffff00000003,
                                  0xffffffffffffffff};
  const Words honest = append_call(1);
  size_t sent = 0;
  withstand([&] {
    for (size_t at = 0; at < honest.size(); ++at) {
      for (size_t i = 0; i < std::size(hostile); ++i) {
        Words words = kj::heapArray<capnp::word>(honest.asPtr());
        set(words, at, hostile[i]);
        send_alone(static_cast<uint8_t>(2 + i), words);
        ++sent;
      }
    }
  });
  EXPECT_GT(sent, 100u);
  EXPECT_GT(metric("handshakes_total"), static_cast<double>(sent));
}

TEST_F(RpcAttack, SendsNoise) {
  start();
  withstand([&] {
    for (uint8_t i = 0; goes_on(); ++i) {
      Words words = append_call(1);
      auto bytes = words.asBytes();
      const Bytes dice = random.bytes(16);
      for (size_t edit = 0; edit + 1 < dice.size(); edit += 2) {
        bytes[dice[edit] * size_t{7} % bytes.size()] = dice[edit + 1];
      }
      send_alone(static_cast<uint8_t>(2 + i % 8), words);
    }
  });
}

// Nothing that the server offers has structs within structs without end, so what is nested deeply
// is in the wrong place and refused there, unfollowed;
// ConnectionTest.NothingIsFollowedThatIsNestedDeeply has a service that would follow it.
TEST_F(RpcAttack, NestsDeeply) {
  start();
  size_t refused = 0;
  withstand([&] {
    KJ_IF_MAYBE (channel, channel_from(2)) {
      capnp::TwoPartyClient client(**channel);
      auto service = client.bootstrap().castAs<rpc::DeliveryService>();
      while (goes_on() || refused == 0) {
        auto request =
            service.typelessRequest(capnp::typeId<rpc::DeliveryService>(), append_method, nullptr);
        auto inner = request.initAsAnyStruct(0, 1);
        for (int depth = 0; depth < 8000; ++depth) {
          inner = inner.getPointerSection()[0].initAsAnyStruct(0, 1);
        }
        const Reason reason =
            request.send()
                .then([](auto&&) { return Reason::internal; },
                      [](kj::Exception&& e) { return rpc::from_exception(e).reason(); })
                .wait(io.waitScope);
        ASSERT_EQ(name(reason), name(Reason::malformed));
        ++refused;
      }
    }
  });
  EXPECT_GT(refused, 0u);
  EXPECT_EQ(metric("calls_refused_total{call=\"append\",reason=\"malformed\"}"), refused);
}

// The answers to tens of thousands of small calls wait, or would, when the connection is dropped. A
// server that writes each by itself crashes: it destroys them one within the other.
TEST_F(RpcAttack, MakesSmallCallsWithoutEndAndNeverReads) {
  start();
  constexpr uint32_t calls = 40'000;
  withstand([&] {
    std::vector<kj::Own<noise::NoiseStream>> channels;
    for (uint8_t i = 0; i < 4 || goes_on(); ++i) {
      if (i >= 40) {
        pause(0.1);
        continue;
      }
      auto socket = kj::heap<Deaf>(connect_from(static_cast<uint8_t>(2 + i % 6), server->delivery));
      Deaf& ears = *socket;
      KJ_IF_MAYBE (channel, channel_over(kj::mv(socket))) {
        ears.deaf = true;
        send(**channel, bootstrap(0));
        for (uint32_t question = 1; question <= calls; ++question) {
          send(**channel, ping_call(question));
          send(**channel, finish(question));  // so that it may ask on
        }
        drain(**channel);
        channels.push_back(kj::mv(*channel));
      }
    }
    // Of each, what fits in what may wait for a peer before it is read no further.
    wait_until([&] { return metric("calls_total{call=\"exchange\"}") > 4 * 1000; });
    channels.clear();
  });
}

TEST_F(RpcAttack, AsksAndNeverFinishes) {
  start();
  std::array<kj::Own<noise::NoiseStream>, 8> channels;  // the last ones: each may take its time
  withstand([&] {
    for (size_t i = 0; goes_on(); ++i) {
      KJ_IF_MAYBE (channel, channel_from(2)) {
        for (uint32_t question = 0; question < 20'000; ++question) {
          send(**channel, bootstrap(question));
        }
        drain(**channel);
        channels[i % channels.size()] = kj::mv(*channel);
      }
    }
    wait_until([&] { return hits("message-shape") > 0; });
  });
}

// Each rests when it has had its turn, and yet there is always one that has something for the loop.
TEST_F(RpcAttack, PingsOnManyConnections) {
  start({"--login-seconds", "3600"});
  io.waitScope.setBusyPollInterval(64);  // our own loop is as busy
  Bytes pings;
  for (uint32_t question = 1; question <= 64; ++question) {
    for (const Words& words : {ping_call(question), finish(question)}) {
      const auto bytes = words.asBytes();
      append(pings, View(bytes.begin(), bytes.size()));
    }
  }
  withstand([&] {
    std::vector<kj::Own<noise::NoiseStream>> channels;
    std::vector<kj::Promise<void>> floods;
    for (uint8_t i = 0; i < 60; ++i) {
      KJ_IF_MAYBE (channel, channel_from(static_cast<uint8_t>(2 + i % 6))) {
        send(**channel, bootstrap(0));
        channels.push_back(kj::mv(*channel));
      }
    }
    for (auto& channel : channels) {
      floods.push_back(send_for_ever(*channel, pings).eagerlyEvaluate(nullptr));
      floods.push_back(listen(*channel).eagerlyEvaluate(nullptr));
    }
    while (goes_on()) pause(0.1);
    Bystanders newcomers(*server);
    wait_until([&] { return newcomers.answered() > 200; });
    EXPECT_EQ(newcomers.error(), "");
  });
}

TEST_F(RpcAttack, SendsMoreCapabilitiesThanThereAreCalls) {
  start();
  const Words call = words_of([](auto message) {
    auto table = init_call<rpc::DeliveryService>(message, 1, 0).initCapTable(100'000);
    for (uint32_t i = 0; i < table.size(); ++i) table[i].setSenderHosted(i);
  });
  withstand([&] {
    while (goes_on()) send_alone(2, call);
  });
  EXPECT_GT(hits("message-shape"), 0);
}

TEST_F(RpcAttack, SendsWhatWouldComeBack) {
  start();
  Words provide = words_of([](auto message) {
    message.initProvide().initRecipient().template initAs<capnp::Data>(size_t{6} << 20);
  });
  std::vector<kj::Own<noise::NoiseStream>> channels;
  withstand([&] {
    for (uint8_t i = 0; i < 20; ++i) {
      auto socket = kj::heap<Deaf>(connect_from(static_cast<uint8_t>(2 + i % 6), server->delivery));
      Deaf& ears = *socket;
      KJ_IF_MAYBE (channel, channel_over(kj::mv(socket))) {
        ears.deaf = true;
        send(**channel, provide);
        drain(**channel);
        channels.push_back(kj::mv(*channel));
      }
    }
    while (goes_on()) pause(0.1);
  });
  EXPECT_GT(hits("message-shape"), 0);
}

TEST_F(RpcAttack, LeavesInTheMiddleOfItsCalls) {
  start();
  LogClient member(io, server->delivery, server->key);
  make_log(member).wait(io.waitScope);
  uint64_t id = 0;
  withstand([&] {
    for (uint8_t i = 0; goes_on(); ++i) {
      auto socket = connect_from(static_cast<uint8_t>(2 + i % 8), server->delivery);
      linger at_once{1, 0};  // a reset, and not an end
      socket->setsockopt(SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
      KJ_IF_MAYBE (channel, channel_over(kj::mv(socket))) {
        capnp::TwoPartyClient client(**channel);
        auto service = client.bootstrap().castAs<rpc::DeliveryService>();
        std::vector<kj::Promise<void>> calls;
        for (int call = 0; call < 50; ++call) {
          auto request = service.appendRequest();
          request.setLogId(test::as_data(member.log));
          request.setToken(test::as_data(test::token_of(0)));
          request.setMessageId(test::as_data(test::numbered(16, ++id)));
          request.setPayload(test::as_data(Bytes(2000)));
          calls.push_back(request.send()
                              .ignoreResult()
                              .catch_([](kj::Exception&&) {})
                              .eagerlyEvaluate(nullptr));
        }
        drain(**channel);
      }
    }
  });
  EXPECT_GT(id, 0u);
  EXPECT_GT(metric("calls_total{call=\"append\"}"), 0);
  EXPECT_GT(metric("connections_lost_total{reason=\"unknown\"}"), 0);
}

}  // namespace
}  // namespace qnpc::abuse
