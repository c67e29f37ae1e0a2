#include "server/connection.h"

namespace qnpc::server {
namespace {

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = limits::message_words;
  options.nestingLimit = limits::message_nesting;
  return options;
}

}  // namespace

Connection::Connection(kj::Own<noise::NoiseStream> stream, capnp::Capability::Client service,
                       std::shared_ptr<CallGate> calls, kj::Timer& timer)
    : stream_(kj::mv(stream)),
      messages_(*stream_),
      calls_(std::move(calls)),
      timer_(timer),
      network_(messages_, capnp::rpc::twoparty::Side::SERVER, reader_options()),
      rpc_(capnp::makeRpcServer(network_, kj::mv(service))) {
  rpc_.setFlowLimit(limits::call_words_in_flight);
}

kj::Promise<void> Connection::run(kj::Promise<void> stop) {
  return network_.onDisconnect()
      .exclusiveJoin(when_idle_too_long())
      .exclusiveJoin(stop.then([this] { return finish(); }));
}

/// Looks once in a while instead of keeping a timer for each call.
kj::Promise<void> Connection::when_idle_too_long() {
  calls_before_ = calls_->calls();
  return timer_.afterDelay(limits::connection_idle / std::chrono::seconds(1) * kj::SECONDS)
      .then([this]() -> kj::Promise<void> {
        if (calls_->calls() == calls_before_ && calls_->in_flight() == 0) return finish();
        return when_idle_too_long();
      });
}

kj::Promise<void> Connection::finish() {
  calls_->close();
  return calls_->when_idle()
      .then([] { return kj::evalLast([] {}); })  // the answers pass through the RPC system
      .then([this] {
        stream_->shutdownWrite();
        return stream_->when_drained();
      });
}

}  // namespace qnpc::server
