#include "client/network.h"

#include "client/limits.h"
#include "schemas/rpc_error.h"

namespace qnpc::client {

Network::Network(Output& output, Random& random, noise::Suite suite)
    : output_(output),
      random_(random),
      suite_(suite),
      io_(kj::setupAsyncIo()),
      static_key_(crypto::generate_x25519_key(random)) {}

noise::Endpoint Network::endpoint() {
  noise::StreamOptions options;
  options.handshake_time = limits::handshake;
  options.suites = noise::preferring(suite_);
  return {static_key_, random_, io_.provider->getTimer(), options};
}

void Network::sleep(std::chrono::milliseconds time) {
  io_.provider->getTimer().afterDelay(time.count() * kj::MILLISECONDS).wait(io_.waitScope);
}

void Network::wait_at_most(kj::Promise<void> promise, std::chrono::milliseconds time) {
  auto late = io_.provider->getTimer().afterDelay(time.count() * kj::MILLISECONDS);
  promise.exclusiveJoin(kj::mv(late)).wait(io_.waitScope);
}

kj::Promise<void> Network::show_progress_later(std::string what) {
  return io_.provider->getTimer()
      .afterDelay(limits::patience.count() * kj::SECONDS)
      .then([this, what = std::move(what)] { output_.progress(what); })
      .eagerlyEvaluate(nullptr);
}

ServerError Network::server_error(const kj::Exception& e, bool timed_out, const std::string& what,
                                  std::chrono::seconds limit) {
  if (timed_out) {
    return ServerError(Reason::timeout,
                       what + ": no answer within " + std::to_string(limit.count()) + " seconds");
  }
  Error error = rpc::from_exception(e);
  return ServerError(error.reason(), what + ": " + error.what());
}

}  // namespace qnpc::client
