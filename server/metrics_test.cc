// metrics_test: the text of the metrics, and the pages over HTTP: also to those who ask badly.
#include <gtest/gtest.h>

#include "schemas/rpc_error.h"
#include "server/address.h"
#include "server/metrics_server.h"
#include "server/metrics_text.h"
#include "tests/support/http_get.h"

namespace qnpc::server {
namespace {

using std::chrono::milliseconds;

TEST(MetricsText, HoldsWhatWasCounted) {
  Metrics metrics;
  StoreMetrics store;
  metrics.calls[CallKind::append].add(3);
  metrics.refused(CallKind::append)[Reason::conflict].add();
  metrics.failed_handshakes[Reason::timeout].add(2);
  metrics.limits_hit[Limit::handshakes].add(4);
  store.limits_hit[Limit::inbox_entries].add(5);
  for (milliseconds time : {milliseconds(1), milliseconds(3), milliseconds(5000)}) {
    store.commit_time.observe(time);
  }
  const std::string text = metrics_text(metrics, store, {.version = "1.2", .connections = 7});
  for (const char* line : {
           "# TYPE quicnprotochat_calls_total counter\n",
           "quicnprotochat_build_info{version=\"1.2\"} 1\n",
           "quicnprotochat_connections 7\n",
           "quicnprotochat_calls_total{call=\"append\"} 3\n",
           "quicnprotochat_calls_refused_total{call=\"append\",reason=\"conflict\"} 1\n",
           "quicnprotochat_handshakes_failed_total{reason=\"timeout\"} 2\n",
           "quicnprotochat_limit_hits_total{limit=\"handshakes\"} 4\n",
           "quicnprotochat_limit_hits_total{limit=\"inbox-entries\"} 5\n",
           "quicnprotochat_store_commit_seconds_bucket{le=\"0.0005\"} 0\n",
           "quicnprotochat_store_commit_seconds_bucket{le=\"0.001\"} 1\n",
           "quicnprotochat_store_commit_seconds_bucket{le=\"0.005\"} 2\n",
           "quicnprotochat_store_commit_seconds_bucket{le=\"+Inf\"} 3\n",
           "quicnprotochat_store_commit_seconds_sum 5.004\n",
           "quicnprotochat_store_commit_seconds_count 3\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

class MetricsServerTest : public testing::Test {
 protected:
  ~MetricsServerTest() noexcept override = default;
  void start(std::function<kj::Promise<void>()> check_health) {
    auto sockets = listen_on(resolve("127.0.0.1:0"), 1);
    address = to_text(local_address(sockets[0]));
    server.emplace(MetricsServer::Pages{[] { return "the numbers\n"; }, std::move(check_health)},
                   kj::mv(sockets[0]));
  }
  std::string get(const std::string& path) { return test::http_get(io, address, path); }

  kj::AsyncIoContext io = kj::setupAsyncIo();
  std::string address;
  std::optional<MetricsServer> server;
};

TEST_F(MetricsServerTest, ServesThePages) {
  start([] { return kj::READY_NOW; });
  const std::string metrics = get("/metrics");
  EXPECT_TRUE(metrics.starts_with("HTTP/1.1 200 OK\r\n")) << metrics;
  EXPECT_TRUE(metrics.ends_with("Content-Length: 12\r\nConnection: close\r\n\r\nthe numbers\n"))
      << metrics;
  EXPECT_TRUE(get("/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(get("/metrics?x=1").starts_with("HTTP/1.1 200 OK\r\n"));
  for (const char* other : {"/", "/metricsx", "/healthz/"}) {
    EXPECT_TRUE(get(other).starts_with("HTTP/1.1 404 Not Found\r\n")) << other;
  }
}

TEST_F(MetricsServerTest, SaysSoWhenTheServerCannotDoItsWork) {
  start([]() -> kj::Promise<void> {
    return rpc::to_exception(Error(Reason::unavailable, "the disk is gone"));
  });
  const std::string said = get("/healthz");
  EXPECT_TRUE(said.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << said;
  EXPECT_NE(said.find("the disk is gone"), std::string::npos) << said;
}

TEST_F(MetricsServerTest, DoesNotWaitForAHealthThatNeverComes) {
  start([]() -> kj::Promise<void> { return kj::NEVER_DONE; });
  EXPECT_TRUE(get("/healthz").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST_F(MetricsServerTest, WhoAsksForTooMuchOrNothingHoldsUpNobody) {
  start([] { return kj::READY_NOW; });
  std::vector<kj::Own<kj::AsyncIoStream>> silent;
  auto target = io.provider->getNetwork().parseAddress(address.c_str()).wait(io.waitScope);
  while (silent.size() < 10) silent.push_back(target->connect().wait(io.waitScope));
  const std::string endless(20'000, 'x');
  try {
    EXPECT_TRUE(test::http_exchange(io, address, endless).starts_with("HTTP/1.1 404"));
  } catch (const kj::Exception&) {
    // It was answered and closed before all of it was read.
  }
  EXPECT_TRUE(get("/metrics").starts_with("HTTP/1.1 200 OK\r\n"));
}

}  // namespace
}  // namespace qnpc::server
