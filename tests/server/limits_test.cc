// limits_test: the limits that an operator can set are obeyed by the server as a process: with a
// small value, what is over it is refused, and the metrics name the setting. Those that take
// minutes or days to come to are in connection_test and the tests of the store.
#include <gtest/gtest.h>

#include <sstream>

#include "qnpc/crypto/signature.h"
#include "schemas/auth.capnp.h"
#include "schemas/login.h"
#include "schemas/rpc_error.h"
#include "tests/support/deaf.h"
#include "tests/support/http_get.h"
#include "tests/support/log_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace qnpc {
namespace {

using test::LogClient;
using AuthenticationClient = test::NoiseClient<rpc::AuthenticationService>;

class ServerLimits : public testing::Test {
 protected:
  ~ServerLimits() noexcept override = default;

  /// With these in addition, and open.
  void start(std::vector<std::string> more) { start_with("--open", std::move(more)); }
  void start_with(const std::string& access, std::vector<std::string> more) {
    std::vector<std::string> arguments = {"--data-dir",  directory.file("data"),
                                          "--listen",    "127.0.0.1:0",
                                          "--ds-listen", "127.0.0.1:0",
                                          "--metrics",   "127.0.0.1:0",
                                          "--threads",   "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    if (!access.empty()) arguments.push_back(access);
    server.emplace(QNPC_SERVER, std::move(arguments));
    server->wait_ready();
  }
  std::unique_ptr<LogClient> connect() {
    return std::make_unique<LogClient>(io, server->delivery, server->key);
  }
  std::unique_ptr<LogClient> connect_with_log() {
    auto client = connect();
    client->create_request().send().wait(io.waitScope);
    return client;
  }
  /// Whether there is a channel.
  bool can_connect() {
    try {
      connect();
      return true;
    } catch (const kj::Exception&) {
      return false;
    }
  }
  kj::Own<kj::AsyncIoStream> connect_raw() {
    auto address = io.provider->getNetwork().parseAddress(server->delivery.c_str());
    return address.wait(io.waitScope)->connect().wait(io.waitScope);
  }
  template <class Request>
  kj::Promise<Reason> outcome(Request request) {
    return request.send().then([](auto&&) { return answered; },
                               [](kj::Exception&& e) { return rpc::from_exception(e).reason(); });
  }
  template <class Request>
  Reason reason_of(Request request) {
    return outcome(kj::mv(request)).wait(io.waitScope);
  }
  Reason ping(LogClient& client) {
    auto request = client.service.exchangeRequest();
    request.initRequest();
    return reason_of(kj::mv(request));
  }
  template <class Service>
  auto login_request(Service& client, const crypto::SignatureKeyPair& key) {
    auto request = client.service.loginRequest();
    request.setIdentityKey(test::as_data(key.public_key));
    request.setSignature(test::as_data(crypto::sign(crypto::SignatureScheme::ed25519, key,
                                                    rpc::login_message(client.handshake_hash()))));
    return request;
  }
  crypto::SignatureKeyPair new_identity() {
    return crypto::generate_signature_key(crypto::SignatureScheme::ed25519, random);
  }
  void pause(kj::Duration time) { io.provider->getTimer().afterDelay(time).wait(io.waitScope); }
  double hits(const std::string& limit) {
    const std::string series = "quicnprotochat_limit_hits_total{limit=\"" + limit + "\"} ";
    const std::string text = test::http_get(io, server->metrics, "/metrics");
    const size_t at = text.find(series);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size()));
  }
  /// How many of so many appends are answered, and the reason for which another one is not.
  std::pair<int, Reason> appends(LogClient& client, int count, size_t size = 1) {
    int stored = 0;
    Reason reason = answered;
    for (int i = 0; i < count && reason == answered; ++i) {
      reason = reason_of(client.append_request(0, static_cast<uint64_t>(i) + 1, Bytes(size)));
      if (reason == answered) ++stored;
    }
    return {stored, reason};
  }

  /// To the inbox of that number, on an open server.
  Reason enqueue(LogClient& client, View payload, uint8_t inbox = 1) {
    auto request = client.service.enqueueRequest();
    request.setRecipientKey(test::as_data(Bytes(32, inbox)));
    request.setPayload(test::as_data(payload));
    return reason_of(kj::mv(request));
  }
  /// Two, each with as much as one answer holds: more than the kernel keeps for a peer.
  void fill_inboxes() {
    auto client = connect();
    for (uint8_t inbox : {1, 1, 1, 2, 2, 2}) {
      EXPECT_EQ(enqueue(*client, Bytes(size_t{2} << 20), inbox), answered);
    }
  }
  struct DeafPeer {
    kj::Own<noise::NoiseStream> channel;
    kj::Own<capnp::TwoPartyClient> client;
    std::vector<kj::Promise<void>> calls;
  };
  DeafPeer fetch_and_never_read() {
    auto socket = kj::heap<test::Deaf>(connect_raw());
    test::Deaf& ears = *socket;
    noise::Endpoint endpoint{static_key, random, io.provider->getTimer()};
    DeafPeer peer;
    peer.channel = noise::connect(kj::mv(socket), endpoint, [](const auto&) {}).wait(io.waitScope);
    ears.deaf = true;
    peer.client = kj::heap<capnp::TwoPartyClient>(*peer.channel);
    auto service = peer.client->bootstrap().castAs<rpc::DeliveryService>();
    for (uint8_t inbox : {1, 2}) {
      auto request = service.fetchRequest();
      request.setRecipientKey(test::as_data(Bytes(32, inbox)));
      peer.calls.push_back(request.send().ignoreResult().catch_([](kj::Exception&&) {}));
    }
    peer.channel->when_drained().wait(io.waitScope);
    return peer;
  }
  /// Sooner or later.
  void expect_hit(const std::string& limit) {
    for (int i = 0; i < 300 && hits(limit) < 1; ++i) pause(100 * kj::MILLISECONDS);
    EXPECT_EQ(hits(limit), 1);
  }

  static constexpr Reason answered = Reason::internal;

  test::TemporaryDirectory directory;
  kj::AsyncIoContext io = kj::setupAsyncIo();
  crypto::SystemRandom random;
  const noise::StaticKey static_key = crypto::generate_x25519_key(random);
  std::optional<test::ServerProcess> server;
};

TEST_F(ServerLimits, NoRateLimitsByFlagOrVariable) {
  constexpr const char* variable = "QUICNPROTOCHAT_NO_RATE_LIMITS";
  auto third_connects = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--handshakes-rate", "2:1"});
    start(std::move(more));
    connect();
    connect();
    return can_connect();
  };
  EXPECT_FALSE(third_connects({}));
  EXPECT_TRUE(third_connects({"--no-rate-limits"}));
  for (const char* value : {"1", "true", "0", "false"}) {
    const std::string text = value;
    setenv(variable, value, 1);
    EXPECT_EQ(third_connects({}), text == "1" || text == "true") << value;
  }
  unsetenv(variable);
}

TEST_F(ServerLimits, Connections) {
  start({"--connections", "2"});
  auto first = connect();
  auto second = connect();
  auto third = connect();
  EXPECT_EQ(ping(*third), Reason::overloaded);
  EXPECT_EQ(hits("connections"), 1);
  pause(3 * kj::SECONDS);  // then its place is another's
  EXPECT_NE(ping(*third), Reason::overloaded);
  first = nullptr;
  pause(100 * kj::MILLISECONDS);
  EXPECT_EQ(ping(*connect()), answered);
}

TEST_F(ServerLimits, ConnectionsPerAddress) {
  start({"--connections-per-address", "2"});
  auto first = connect();
  auto second = connect();
  EXPECT_EQ(ping(*connect()), Reason::overloaded);
  EXPECT_EQ(hits("connections-per-address"), 1);
}

TEST_F(ServerLimits, Handshakes) {
  start({"--handshakes", "2"});  // one address may have one
  auto silent = connect_raw();
  pause(100 * kj::MILLISECONDS);
  EXPECT_FALSE(can_connect());
  EXPECT_EQ(hits("handshakes"), 1);
  silent = nullptr;
  pause(100 * kj::MILLISECONDS);
  EXPECT_TRUE(can_connect());
}

TEST_F(ServerLimits, HandshakeSeconds) {
  start({"--handshake-seconds", "1"});
  auto silent = connect_raw();
  char byte = 0;
  auto end = silent->tryRead(&byte, 1, 1);
  EXPECT_FALSE(end.poll(io.waitScope));
  pause(2 * kj::SECONDS);
  EXPECT_TRUE(end.poll(io.waitScope));
  EXPECT_EQ(hits("handshake-seconds"), 1);
}

TEST_F(ServerLimits, HandshakesRate) {
  start({"--handshakes-rate", "2:1"});
  EXPECT_TRUE(can_connect());
  EXPECT_TRUE(can_connect());
  EXPECT_FALSE(can_connect());
  EXPECT_EQ(hits("handshakes-rate"), 1);
}

TEST_F(ServerLimits, LoginSeconds) {
  start_with("", {"--login-seconds", "1"});
  auto stranger = connect();
  auto known = connect();
  EXPECT_EQ(ping(*stranger), answered);
  EXPECT_EQ(reason_of(login_request(*known, new_identity())), answered);
  pause(1500 * kj::MILLISECONDS);
  EXPECT_NE(ping(*stranger), answered);
  EXPECT_EQ(ping(*known), answered);
  EXPECT_EQ(hits("login-seconds"), 1);
}

TEST_F(ServerLimits, CallsInFlight) {
  start({"--calls-in-flight", "2"});
  auto client = connect_with_log();
  std::vector<kj::Promise<Reason>> calls;
  for (uint64_t i = 0; i < 20; ++i) {
    calls.push_back(outcome(client->append_request(0, i, as_view("x"))));
  }
  int overloaded = 0;
  for (auto& call : calls) overloaded += call.wait(io.waitScope) == Reason::overloaded ? 1 : 0;
  EXPECT_GT(overloaded, 0);
  EXPECT_EQ(hits("calls-in-flight"), overloaded);
}

TEST_F(ServerLimits, Subscriptions) {
  start({"--subscriptions", "1"});
  auto client = connect_with_log();
  auto sink = [] {
    return kj::heap<test::TestLogSink>([](auto) -> kj::Promise<void> { return kj::READY_NOW; });
  };
  auto first = client->subscribe_request(0, 0, sink()).send().wait(io.waitScope);
  EXPECT_EQ(reason_of(client->subscribe_request(0, 0, sink())), Reason::overloaded);
  EXPECT_EQ(hits("subscriptions"), 1);
}

TEST_F(ServerLimits, StallSeconds) {
  start({"--stall-seconds", "1"});
  auto client = connect_with_log();
  auto never = kj::heap<test::TestLogSink>([](auto) { return kj::Promise<void>(kj::NEVER_DONE); });
  auto subscription = client->subscribe_request(0, 0, kj::mv(never)).send().wait(io.waitScope);
  EXPECT_EQ(reason_of(client->append_request(0, 1, as_view("x"))), answered);
  pause(2 * kj::SECONDS);
  EXPECT_NE(ping(*client), answered);
  EXPECT_EQ(hits("stall-seconds"), 1);
}

TEST_F(ServerLimits, PayloadKib) {
  start({"--payload-kib", "1"});
  auto client = connect_with_log();
  EXPECT_EQ(reason_of(client->append_request(0, 1, Bytes(1024))), answered);
  EXPECT_EQ(reason_of(client->append_request(0, 2, Bytes(1025))), Reason::too_large);
  EXPECT_EQ(enqueue(*client, Bytes(1025)), Reason::too_large);
  EXPECT_EQ(hits("payload-kib"), 2);
}

TEST_F(ServerLimits, MessageMemoryMib) {
  start({"--message-memory-mib", "128"});  // of which one address may have 32
  std::vector<kj::Own<noise::NoiseStream>> holders;
  const uint32_t header[] = {0, (uint32_t{7} << 20) / 8};
  for (int i = 0; i < 5; ++i) {
    holders.push_back(test::connect_noise(io, server->delivery, server->key));
    holders.back()->write(header, sizeof(header)).wait(io.waitScope);
  }
  pause(200 * kj::MILLISECONDS);
  EXPECT_EQ(hits("message-memory-mib"), 1);
  auto client = connect_with_log();  // short messages are not concerned
  EXPECT_EQ(appends(*client, 10).first, 10);
}

TEST_F(ServerLimits, WithoutRateLimitsOneAddressMayHaveAll) {
  start({"--no-rate-limits", "--connections-per-address", "1", "--message-memory-mib", "128"});
  std::vector<kj::Own<noise::NoiseStream>> holders;
  const uint32_t header[] = {0, (uint32_t{7} << 20) / 8};
  for (int i = 0; i < 5; ++i) {  // more than a quarter
    holders.push_back(test::connect_noise(io, server->delivery, server->key));
    holders.back()->write(header, sizeof(header)).wait(io.waitScope);
  }
  pause(200 * kj::MILLISECONDS);
  EXPECT_EQ(hits("message-memory-mib"), 0);
  EXPECT_EQ(hits("connections-per-address"), 0);
}

TEST_F(ServerLimits, DatabaseMib) {
  start({"--database-mib", "1"});
  auto client = connect_with_log();
  auto [stored, reason] = appends(*client, 100, 50'000);
  EXPECT_EQ(reason, Reason::quota);
  EXPECT_GT(stored, 10);
  EXPECT_LT(stored, 25);
  EXPECT_EQ(reason_of(client->read_request(0)), answered);
  EXPECT_EQ(hits("database-mib"), 1);
}

TEST_F(ServerLimits, InboxEntriesAndMib) {
  start({"--inbox-entries", "2", "--inbox-mib", "1"});
  auto client = connect();
  EXPECT_EQ(enqueue(*client, Bytes((size_t{1} << 20) + 1)), Reason::quota);
  EXPECT_EQ(hits("inbox-mib"), 1);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(enqueue(*client, Bytes(1)), answered);
  EXPECT_EQ(enqueue(*client, Bytes(1)), Reason::quota);
  EXPECT_EQ(hits("inbox-entries"), 1);
}

TEST_F(ServerLimits, GroupLogEntriesAndMib) {
  start({"--group-log-entries", "2", "--group-log-mib", "1"});
  auto client = connect_with_log();
  EXPECT_EQ(appends(*client, 1, (size_t{1} << 20) + 1).second, Reason::quota);
  EXPECT_EQ(hits("group-log-mib"), 1);
  EXPECT_EQ(appends(*client, 3), std::pair(2, Reason::quota));
  EXPECT_EQ(hits("group-log-entries"), 1);
}

TEST_F(ServerLimits, LogsPerIdentity) {
  start_with("", {"--logs-per-identity", "2"});
  auto client = connect();
  auto session = login_request(*client, new_identity()).send().getSession();
  auto other = login_request(*client, new_identity()).send().getSession();
  uint8_t number = 0;
  auto create = [&](auto& who, bool again = false) {
    auto request = who.createLogRequest();
    if (!again) ++number;
    request.setLogId(test::as_data(Bytes(32, number)));
    request.setTokenHash(test::as_data(test::token_hash_of(0)));
    return reason_of(kj::mv(request));
  };
  EXPECT_EQ(create(session), answered);
  EXPECT_EQ(create(session, true), answered);  // its answer was lost, and it counts once
  EXPECT_EQ(create(session), answered);
  EXPECT_EQ(create(session), Reason::quota);
  EXPECT_EQ(hits("logs-per-identity"), 1);
  EXPECT_EQ(create(other), answered);
}

TEST_F(ServerLimits, PendingOutputMib) {
  start({"--pending-output-mib", "8"});
  fill_inboxes();
  auto peer = fetch_and_never_read();
  expect_hit("pending-output-mib");
}

TEST_F(ServerLimits, StallSecondsOfAPeerThatTakesNoOutput) {
  start({"--stall-seconds", "1"});
  fill_inboxes();
  auto peer = fetch_and_never_read();
  expect_hit("stall-seconds");
}

TEST_F(ServerLimits, StoredRate) {
  start({"--stored-rate", "11:1"});
  auto client = connect_with_log();
  auto [stored, reason] = appends(*client, 10, 2000);  // 3 KiB each, with what belongs to it
  EXPECT_EQ(reason, Reason::rate_limited);
  EXPECT_EQ(stored, 4);
  EXPECT_EQ(hits("stored-rate"), 1);
}

TEST_F(ServerLimits, RefusalsRate) {
  start({"--refusals-rate", "2:1"});
  auto client = connect_with_log();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(reason_of(client->read_request(5)), Reason::unauthorized);
  }
  EXPECT_EQ(reason_of(client->read_request(5)), Reason::rate_limited);
  EXPECT_EQ(hits("refusals-rate"), 1);
}

TEST_F(ServerLimits, RatesOfIdentities) {
  start_with("", {"--logins-rate", "6:1", "--logs-rate", "1:1", "--claims-rate", "3:1",
                  "--claims-of-pair-rate", "1:1", "--claims-of-one-rate", "2:1",
                  "--deliveries-rate", "2:1", "--admissions-rate", "4:1"});
  // New identities, each with a connection of its own.
  AuthenticationClient client(io, server->authentication, server->key);
  const Bytes target(32, 't');
  auto claim = [&](auto& session, const Bytes& of) {
    auto request = session.fetchKeyPackageRequest();
    request.setIdentityKey(test::as_data(of));
    return reason_of(kj::mv(request));
  };
  auto first = login_request(client, new_identity()).send().getSession();
  EXPECT_EQ(claim(first, target), answered);
  EXPECT_EQ(claim(first, target), Reason::rate_limited);
  EXPECT_EQ(hits("claims-of-pair-rate"), 1);
  EXPECT_EQ(claim(first, Bytes(32, 'u')), answered);
  EXPECT_EQ(claim(first, Bytes(32, 'v')), Reason::rate_limited);
  EXPECT_EQ(hits("claims-rate"), 1);
  auto second = login_request(client, new_identity()).send().getSession();
  EXPECT_EQ(claim(second, target), answered);
  auto third = login_request(client, new_identity()).send().getSession();
  EXPECT_EQ(claim(third, target), Reason::rate_limited);  // it has no last resort
  EXPECT_EQ(hits("claims-of-one-rate"), 1);

  auto delivery = connect();
  auto session = login_request(*delivery, new_identity()).send().getSession();
  for (Reason expected : {answered, Reason::rate_limited}) {
    auto create = session.createLogRequest();
    create.setLogId(test::as_data(Bytes(32, 'l')));
    create.setTokenHash(test::as_data(test::token_hash_of(0)));
    EXPECT_EQ(reason_of(kj::mv(create)), expected);
  }
  EXPECT_EQ(hits("logs-rate"), 1);
  for (Reason expected : {Reason::unauthorized, Reason::unauthorized, Reason::rate_limited}) {
    auto enqueue = delivery->service.enqueueRequest();
    enqueue.setRecipientKey(test::as_data(target));
    enqueue.setToken(test::as_data(Bytes(32)));
    EXPECT_EQ(reason_of(kj::mv(enqueue)), expected);
  }
  EXPECT_EQ(hits("deliveries-rate"), 1);
  EXPECT_EQ(reason_of(login_request(*delivery, new_identity())), Reason::rate_limited);
  EXPECT_EQ(hits("admissions-rate"), 1);
  EXPECT_EQ(reason_of(login_request(*delivery, new_identity())), Reason::rate_limited);
  EXPECT_EQ(reason_of(login_request(*delivery, new_identity())), Reason::rate_limited);
  EXPECT_EQ(hits("logins-rate"), 1);
}

TEST_F(ServerLimits, ChangesRate) {
  start_with("", {"--changes-rate", "2:1"});
  AuthenticationClient client(io, server->authentication, server->key);
  auto delivery = connect();
  const auto key = new_identity();
  auto account = login_request(client, key).send().getSession();
  auto session = login_request(*delivery, key).send().getSession();
  auto set_token = session.setDeliveryTokenRequest();
  set_token.setTokenHash(test::as_data(test::token_hash_of(0)));
  EXPECT_EQ(reason_of(kj::mv(set_token)), answered);
  EXPECT_EQ(reason_of(session.acknowledgeRequest()), answered);
  EXPECT_EQ(reason_of(session.acknowledgeRequest()), Reason::rate_limited);
  EXPECT_EQ(reason_of(account.dropKeyPackagesRequest()), Reason::rate_limited);
  EXPECT_EQ(hits("changes-rate"), 2);
}

// Where there are no identities, by address.
TEST_F(ServerLimits, RatesOfAnOpenServer) {
  start({"--changes-rate", "2:1", "--logs-rate", "1:1", "--deliveries-rate", "1:1",
         "--claims-of-pair-rate", "1:1"});
  const Bytes key(32, 'k');
  AuthenticationClient client(io, server->authentication, server->key);
  auto delivery = connect();
  auto expect_limited_after = [&](int times, auto make_request) {
    for (int i = 0; i <= times; ++i) {
      EXPECT_EQ(reason_of(make_request()), i < times ? answered : Reason::rate_limited);
    }
  };
  auto of_inbox = [&](auto request) {
    request.setRecipientKey(test::as_data(key));
    return request;
  };
  expect_limited_after(1, [&] { return of_inbox(delivery->service.enqueueRequest()); });
  expect_limited_after(2, [&] { return of_inbox(delivery->service.acknowledgeRequest()); });
  expect_limited_after(0, [&] { return of_inbox(delivery->service.fetchRequest()); });
  expect_limited_after(1, [&] { return delivery->create_request(); });
  expect_limited_after(1, [&] {
    auto request = client.service.fetchKeyPackageRequest();
    request.setIdentityKey(test::as_data(key));
    return request;
  });
}

TEST_F(ServerLimits, ThatMakeNoSenseAreRefused) {
  for (std::vector<std::string> bad : {std::vector<std::string>{"--logins-rate", "5"},
                                       {"--logins-rate", "0:5"},
                                       {"--logins-rate", "5:x"},
                                       {"--logins-rate", "999999999:1"},
                                       {"--connections", "0"},
                                       {"--payload-kib", "4097"},
                                       {"--pending-output-mib", "1"}}) {
    bad.insert(bad.end(), {"--data-dir", directory.file("data")});
    test::ServerProcess refused(QNPC_SERVER, bad);
    EXPECT_EQ(refused.wait(), 2) << bad[0] << ' ' << bad[1];
  }
}

}  // namespace
}  // namespace qnpc
