// metrics_test: what the server as a process shows to those who watch it.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/http_get.h"
#include "tests/support/log_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace qnpc {
namespace {

class ServerMetrics : public testing::Test {
 protected:
  ~ServerMetrics() noexcept override = default;

  std::vector<std::string> arguments(const std::string& metrics) const {
    return {"--open",      "--data-dir",  directory.file("data"),
            "--listen",    "127.0.0.1:0", "--ds-listen",
            "127.0.0.1:0", "--metrics",   metrics};
  }
  /// The value of a line of the metrics; -1 where there is none.
  double value(const std::string& series) {
    std::istringstream lines(test::http_get(io, server->metrics, "/metrics"));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
    }
    return -1;
  }

  test::TemporaryDirectory directory;
  kj::AsyncIoContext io = kj::setupAsyncIo();
  std::optional<test::ServerProcess> server;
};

TEST_F(ServerMetrics, CountWhatHappens) {
  server.emplace(QNPC_SERVER, arguments("127.0.0.1:0"));
  server->wait_ready();
  {
    test::LogClient client(io, server->delivery, server->key);
    client.create_request().send().wait(io.waitScope);
    client.append_request(0, 1, as_view("a")).send().wait(io.waitScope);
    client.commit_request(0, 2, as_view("b")).send().wait(io.waitScope);
    client.commit_request(0, 3, as_view("late")).send().wait(io.waitScope);
    client.append_request(9, 4, as_view("x"))
        .send()
        .then([](auto&&) { FAIL(); }, [](kj::Exception&&) {})
        .wait(io.waitScope);
    EXPECT_EQ(value("quicnprotochat_connections"), 1);
  }
  EXPECT_EQ(value("quicnprotochat_connections_total"), 1);
  EXPECT_EQ(value("quicnprotochat_handshakes_total"), 1);
  EXPECT_EQ(value("quicnprotochat_calls_total{call=\"append\"}"), 1);
  EXPECT_EQ(value("quicnprotochat_calls_total{call=\"append_commit\"}"), 2);
  EXPECT_EQ(value("quicnprotochat_commits_lost_total"), 1);
  EXPECT_EQ(value("quicnprotochat_calls_refused_total{call=\"append\",reason=\"conflict\"}"), 1);
  EXPECT_GE(value("quicnprotochat_store_writes_total"), 5);
  EXPECT_GE(value("quicnprotochat_store_commit_seconds_count"), 1);
  EXPECT_GT(value("quicnprotochat_store_database_bytes"), 4096);
  EXPECT_EQ(value("quicnprotochat_store_queue_length{queue=\"write\"}"), 0);
  const std::string health = test::http_get(io, server->metrics, "/healthz");
  EXPECT_TRUE(health.starts_with("HTTP/1.1 200 OK\r\n")) << health;
  server->send(SIGTERM);
  EXPECT_EQ(server->wait(), 0);
}

TEST_F(ServerMetrics, CountHandshakesThatFail) {
  server.emplace(QNPC_SERVER, arguments("127.0.0.1:0"));
  server->wait_ready();
  EXPECT_EQ(test::http_get(io, server->delivery, "/metrics"), "");
  double failed = 0;
  for (int i = 0; i < 100 && failed == 0; ++i) {
    io.provider->getTimer().afterDelay(10 * kj::MILLISECONDS).wait(io.waitScope);
    failed = std::max(0.0, value("quicnprotochat_handshakes_failed_total{reason=\"too_large\"}"));
  }
  EXPECT_EQ(failed, 1);
}

TEST_F(ServerMetrics, AreForThisMachineOnly) {
  test::ServerProcess refused(QNPC_SERVER, arguments("0.0.0.0:0"));
  EXPECT_EQ(refused.wait(), 3);
  EXPECT_NE(refused.log().find("Choose a loopback address"), std::string::npos) << refused.log();
}

}  // namespace
}  // namespace qnpc
