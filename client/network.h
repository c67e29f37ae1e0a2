// network: the event loop as a command sees it: it asks and waits, with a limit on every wait.
#pragma once

#include <kj/async-io.h>
#include <kj/debug.h>

#include <chrono>
#include <string>

#include "client/exit_code.h"
#include "client/output.h"
#include "qnpc/base/random.h"
#include "qnpc/noise/stream.h"

namespace qnpc::client {

class Network {
 public:
  /// Output and randomness outlive the network. `suite`: what its channels speak.
  Network(Output& output, Random& random, noise::Suite suite);

  /// Waits for the promise; `what` is shown to a person who has to wait long. Throws ServerError:
  /// what the server said, Reason::timeout after `limit`, or Reason::unknown where the connection
  /// was lost.
  template <class T>
  T wait(kj::Promise<T> promise, const std::string& what, std::chrono::seconds limit) {
    bool timed_out = false;
    auto late = io_.provider->getTimer()
                    .afterDelay(limit.count() * kj::SECONDS)
                    .then([&timed_out]() -> kj::Promise<T> {
                      timed_out = true;
                      return KJ_EXCEPTION(OVERLOADED, "timeout");
                    });
    auto patience = show_progress_later(what);
    try {
      auto finish = kj::defer([this] { output_.progress_done(); });
      return promise.exclusiveJoin(kj::mv(late)).wait(io_.waitScope);
    } catch (const kj::Exception& e) {
      throw server_error(e, timed_out, what, limit);
    }
  }
  /// Lets `time` pass.
  void sleep(std::chrono::milliseconds time);
  /// Waits for the promise, or until `time` has passed.
  void wait_at_most(kj::Promise<void> promise, std::chrono::milliseconds time);

  kj::Network& sockets() { return io_.provider->getNetwork(); }
  /// What we bring to a Noise handshake: a static key made for this process alone, since it is the
  /// identity key, and not this one, by which others know us.
  noise::Endpoint endpoint();

 private:
  kj::Promise<void> show_progress_later(std::string what);
  static ServerError server_error(const kj::Exception& e, bool timed_out, const std::string& what,
                                  std::chrono::seconds limit);

  Output& output_;
  Random& random_;
  const noise::Suite suite_;
  kj::AsyncIoContext io_;
  noise::StaticKey static_key_;
};

}  // namespace qnpc::client
