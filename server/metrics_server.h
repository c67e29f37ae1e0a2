// metrics_server: for programs that watch the server: GET /metrics and GET /healthz over HTTP, in a
// thread of its own. It reads the head of one request, answers, and closes.
#pragma once

#include <kj/io.h>

#include <functional>
#include <string>

#include "server/loop_thread.h"

namespace qnpc::server {

class MetricsServer {
 public:
  struct Pages {
    std::function<std::string()> metrics;
    /// Fails where the server cannot do its work.
    std::function<kj::Promise<void>()> check_health;
  };

  /// Serves when it is constructed, on a socket that listens.
  MetricsServer(Pages pages, kj::AutoCloseFd socket);

 private:
  const Pages pages_;
  kj::AutoCloseFd socket_;
  LoopThread thread_;
};

}  // namespace qnpc::server
