#include "server/metrics_server.h"

#include <array>

#include "schemas/rpc_error.h"
#include "server/accept.h"
#include "server/kj_time.h"
#include "server/limits.h"

namespace qnpc::server {
namespace {

std::string response(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status +
         "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

/// One request and its response.
struct Exchange {
  kj::Own<kj::AsyncIoStream> socket;
  std::array<char, 1024> buffer{};
  std::string head;
  std::string response;

  bool asks_for(const std::string& path) const {
    return head.starts_with("GET " + path + " ") || head.starts_with("GET " + path + "?");
  }
};

/// The loop's own half.
class Responder final : private kj::TaskSet::ErrorHandler {
 public:
  Responder(const MetricsServer::Pages& pages, kj::Own<kj::ConnectionReceiver> receiver,
            kj::Timer& timer)
      : pages_(pages), receiver_(kj::mv(receiver)), timer_(timer) {}

  kj::Promise<void> run() {
    return accept_for_ever(*receiver_, timer_, [this](kj::Own<kj::AsyncIoStream> socket) {
      if (count_ < limits::metrics_connections) exchanges_.add(serve(kj::mv(socket)));
    });
  }

 private:
  kj::Promise<void> serve(kj::Own<kj::AsyncIoStream> socket) {
    auto exchange = kj::heap<Exchange>();
    exchange->socket = kj::mv(socket);
    ++count_;
    auto served =
        read_head(*exchange)
            .then([this, &exchange = *exchange] { return respond(exchange); })
            .then([&exchange = *exchange](std::string&& text) {
              exchange.response = std::move(text);
              return exchange.socket->write(exchange.response.data(), exchange.response.size());
            });
    return timer_.timeoutAfter(to_kj(limits::metrics_time), kj::mv(served))
        .attach(kj::mv(exchange), kj::defer([this] { --count_; }));
  }

  /// Up to the empty line behind a request's headers.
  kj::Promise<void> read_head(Exchange& exchange) {
    return exchange.socket->tryRead(exchange.buffer.data(), 1, exchange.buffer.size())
        .then([this, &exchange](size_t n) -> kj::Promise<void> {
          exchange.head.append(exchange.buffer.data(), n);
          const bool is_whole = exchange.head.find("\r\n\r\n") != std::string::npos;
          if (n == 0 || is_whole || exchange.head.size() > limits::metrics_head_bytes) {
            return kj::READY_NOW;
          }
          return read_head(exchange);
        });
  }

  kj::Promise<std::string> respond(const Exchange& exchange) {
    if (exchange.asks_for("/metrics")) return response("200 OK", pages_.metrics());
    if (!exchange.asks_for("/healthz")) {
      return response("404 Not Found", "there are /metrics and /healthz\n");
    }
    return timer_.timeoutAfter(to_kj(limits::health_time), pages_.check_health())
        .then([] { return response("200 OK", "ok\n"); },
              [](kj::Exception&& exception) {
                return response("503 Service Unavailable",
                                std::string(exception.getDescription().cStr()) + "\n");
              });
  }

  void taskFailed(kj::Exception&&) override {}  // whoever asked has left, or was too slow

  const MetricsServer::Pages& pages_;
  kj::Own<kj::ConnectionReceiver> receiver_;
  kj::Timer& timer_;
  size_t count_ = 0;  // of exchanges_
  kj::TaskSet exchanges_{*this};
};

}  // namespace

MetricsServer::MetricsServer(Pages pages, kj::AutoCloseFd socket)
    : pages_(std::move(pages)),
      socket_(kj::mv(socket)),
      thread_([this](auto& io, auto& ready, auto stop) {
        Responder responder(pages_, io.lowLevelProvider->wrapListenSocketFd(kj::mv(socket_)),
                            io.provider->getTimer());
        auto serving = responder.run().eagerlyEvaluate(nullptr);
        ready();
        stop.wait(io.waitScope);
      }) {}

}  // namespace qnpc::server
