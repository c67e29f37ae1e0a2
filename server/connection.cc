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
      channel_(*stream_),
      messages_(channel_),
      calls_(std::move(calls)),
      timer_(timer),
      network_(messages_, capnp::rpc::twoparty::Side::SERVER, reader_options()),
      rpc_(capnp::makeRpcServer(network_, kj::mv(service))) {
  rpc_.setFlowLimit(limits::call_words_in_flight);
}

kj::Promise<void> Connection::run(kj::Promise<void> stop) {
  return network_.onDisconnect()
      .exclusiveJoin(calls_->pushes()->when_stalled())
      .exclusiveJoin(when_idle_too_long()
                         .exclusiveJoin(kj::mv(stop))
                         .exclusiveJoin(calls_->when_removed())
                         .then([this] { return finish(); }));
}

/// Looks once in a while instead of keeping a timer for each call.
kj::Promise<void> Connection::when_idle_too_long() {
  calls_before_ = calls_->calls();
  return timer_.afterDelay(limits::connection_idle / std::chrono::seconds(1) * kj::SECONDS)
      .then([this]() -> kj::Promise<void> {
        const bool is_used = calls_->calls() != calls_before_ || calls_->in_flight() > 0 ||
                             calls_->pushes()->subscriptions() > 0;
        if (is_used) return when_idle_too_long();
        return kj::READY_NOW;
      });
}

kj::Promise<void> Connection::finish() {
  calls_->close();
  return messages_.when_answered()
      .then([this] {
        messages_.stop_writing();
        stream_->shutdownWrite();
        return stream_->when_drained();
      })
      .then([this] {
        return timer_.afterDelay(limits::linger / std::chrono::seconds(1) * kj::SECONDS);
      });
}

}  // namespace qnpc::server
