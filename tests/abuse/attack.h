// attack: what all attacks share: the server, who talks to it meanwhile, connections from other
// addresses of this machine, and what must be true afterwards. Each lasts QNPC_ABUSE_SECONDS
// seconds; where they are given, by somebody on a quiet machine, the others must keep most of their
// pace. Else it is one second, and how fast they were is told only.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <kj/io.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>

#include "schemas/auth.capnp.h"
#include "schemas/rpc_error.h"
#include "tests/abuse/bystanders.h"
#include "tests/support/deaf.h"
#include "tests/support/http_get.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::abuse {

using test::Deaf;
using test::LogClient;
using AuthenticationClient = test::NoiseClient<rpc::AuthenticationService>;

class Attack : public testing::Test {
 protected:
  /// Memory that the server may have used at any moment: 64 MiB of cache, 128 MiB of long messages,
  /// 64 MiB that wait for the disk, and what some thousand connections take.
  static constexpr double most_mib = 512;
  /// Of what the others do without an attack.
  static constexpr double least_pace = 0.8;

  ~Attack() noexcept override = default;
  void SetUp() override {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }

  void start(std::vector<std::string> more = {}, rlim_t most_files = 0) {
    std::vector<std::string> arguments = {"--data-dir",
                                          directory.file("data"),
                                          "--listen",
                                          "127.0.0.1:0",
                                          "--ds-listen",
                                          "127.0.0.1:0",
                                          "--metrics",
                                          "127.0.0.1:0",
                                          "--threads",
                                          "2",
                                          "--log-level",
                                          "error",
                                          "--message-memory-mib",
                                          "128"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    server.emplace(QNPC_SERVER, std::move(arguments), most_files);
    server->wait_ready();
  }

  /// Attacks while others talk, and checks what must be true of any attack: the server lives and is
  /// well, has used little memory, and whoever talked or comes now is served.
  void withstand(const std::function<void()>& attack) {
    {
      Bystanders bystanders(*server);
      wait_until([&] { return bystanders.answered() > 0; });
      const double before = bystanders.rate_during([&] { pause(0.5); });
      const double during = bystanders.rate_during(attack);
      const uint64_t answered = bystanders.answered();
      wait_until([&] { return bystanders.answered() > answered; });  // they get answers again
      EXPECT_EQ(bystanders.error(), "");
      std::printf(
          "others: %.0f calls/s before, %.0f during the attack, ratio %.2f; "
          "memory at most %.0f MiB\n",
          before, during, before > 0 ? during / before : 0, highest_mib());
      if (std::getenv("QNPC_ABUSE_SECONDS") && !is_sanitized) {
        EXPECT_GE(during, least_pace * before);
      }
    }
    LogClient newcomer(io, server->delivery, server->key);
    make_log(newcomer).wait(io.waitScope);
    newcomer.append_request(0, 1, as_view("hello")).send().wait(io.waitScope);
    const std::string health = test::http_get(io, server->metrics, "/healthz");
    EXPECT_TRUE(health.starts_with("HTTP/1.1 200 OK\r\n")) << health;
    if (!is_sanitized) {
      EXPECT_LT(highest_mib(), most_mib);
    }
  }

  /// From 127.0.0.HOST.
  kj::Own<kj::AsyncIoStream> connect_from(uint8_t host, const std::string& address) {
    const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    kj::AutoCloseFd socket(::socket(AF_INET, type, 0));
    sockaddr_in ours{};
    ours.sin_family = AF_INET;
    ours.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
    KJ_REQUIRE(bind(socket, reinterpret_cast<sockaddr*>(&ours), sizeof(ours)) == 0);
    sockaddr_in theirs = ours;
    theirs.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    theirs.sin_port =
        htons(static_cast<uint16_t>(std::stoi(address.substr(address.find(':') + 1))));
    return io.lowLevelProvider
        ->wrapConnectingSocketFd(kj::mv(socket), reinterpret_cast<sockaddr*>(&theirs),
                                 sizeof(theirs))
        .wait(io.waitScope);
  }
  /// A channel to the Delivery Service over such a socket, or over one that is given. Null where
  /// the server lets none in.
  kj::Maybe<kj::Own<noise::NoiseStream>> channel_over(kj::Own<kj::AsyncIoStream> socket) {
    try {
      noise::Endpoint endpoint{static_key, random, io.provider->getTimer()};
      return noise::connect(kj::mv(socket), endpoint, [](const auto&) {}).wait(io.waitScope);
    } catch (const kj::Exception&) {
      return nullptr;
    }
  }
  kj::Maybe<kj::Own<noise::NoiseStream>> channel_from(uint8_t host) {
    return channel_over(connect_from(host, server->delivery));
  }

  void pause(double seconds) {
    const auto time = static_cast<int64_t>(seconds * 1e6) * kj::MICROSECONDS;
    io.provider->getTimer().afterDelay(time).wait(io.waitScope);
  }
  /// A busy machine takes its time.
  void wait_until(const std::function<bool()>& done) {
    for (int i = 0; i < 100 && !done(); ++i) pause(0.1);
    EXPECT_TRUE(done());
  }
  /// Whether the attack is to go on; the first question starts its time.
  bool goes_on() {
    const auto now = std::chrono::steady_clock::now();
    if (!end_) end_ = now + seconds();
    return now < *end_;
  }
  static std::chrono::milliseconds seconds() {
    const char* wanted = std::getenv("QNPC_ABUSE_SECONDS");
    return std::chrono::milliseconds(
        static_cast<int64_t>(wanted ? std::atof(wanted) * 1000 : 1000));
  }
  double highest_mib() const {
    std::ifstream status("/proc/" + std::to_string(server->pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
    }
    return 1e9;  // it is gone
  }
  double metric(const std::string& series) {
    const std::string text = test::http_get(io, server->metrics, "/metrics");
    const size_t at = text.find("\nquicnprotochat_" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(text.find(' ', at)));
  }
  double hits(const std::string& limit) {
    return metric("limit_hits_total{limit=\"" + limit + "\"}");
  }

#ifdef QNPC_SANITIZED
  static constexpr bool is_sanitized = true;  // its shadow memory is not ours
#else
  static constexpr bool is_sanitized = false;
#endif

  test::TemporaryDirectory directory;
  kj::AsyncIoContext io = kj::setupAsyncIo();
  crypto::SystemRandom random;
  noise::StaticKey static_key = crypto::generate_x25519_key(random);
  std::optional<test::ServerProcess> server;

 private:
  std::optional<std::chrono::steady_clock::time_point> end_;
};

}  // namespace qnpc::abuse
