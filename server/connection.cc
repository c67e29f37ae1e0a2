#include "server/connection.h"

#include "qnpc/noise/stream_error.h"
#include "server/kj_time.h"

namespace qnpc::server {
namespace {

capnp::ReaderOptions reader_options(uint64_t message_words) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = message_words;
  options.nestingLimit = limits::message_nesting;
  return options;
}

}  // namespace

Connection::Connection(kj::Own<noise::NoiseStream> stream, capnp::Capability::Client service,
                       std::shared_ptr<CallGate> calls, uint64_t message_words, kj::Timer& timer)
    : stream_(kj::mv(stream)),
      channel_(*stream_, [&bounds = calls->bounds()](
                             size_t bytes) { return bounds.memory.take(bounds.host, bytes); }),
      messages_(channel_, calls->bounds(),
                {[this] { return stream_->when_drained(); },
                 [this] { return stream_->pending_output(); }},
                [this] { return pause(); }),
      calls_(std::move(calls)),
      timer_(timer),
      network_(messages_, capnp::rpc::twoparty::Side::SERVER, reader_options(message_words)),
      rpc_(capnp::makeRpcServer(network_, kj::mv(service))) {
  rpc_.setFlowLimit(limits::call_words_in_flight);
}

kj::Promise<void> Connection::run(kj::Promise<void> stop) {
  return network_.onDisconnect()
      .then([this] { throw_if_lost(); })
      .exclusiveJoin(calls_->pushes()->when_stalled())
      .exclusiveJoin(messages_.when_overflowing())
      .exclusiveJoin(when_idle_too_long()
                         .exclusiveJoin(when_stranger_too_long())
                         .exclusiveJoin(kj::mv(stop))
                         .exclusiveJoin(calls_->when_removed())
                         .then([this] { return finish(); }));
}

kj::Maybe<kj::Promise<void>> Connection::pause() {
  if (auto pause = calls_->take_pause(); pause.count() > 0) return timer_.afterDelay(to_kj(pause));
  // A peer that sends as fast as we read would never let the loop come to the end of its turn, at
  // which the others' answers leave and their writes go to the disk.
  const bool has_had_its_turn = ++reads_ >= limits::messages_a_turn ||
                                messages_.written() >= written_before_ + limits::output_a_turn;
  if (!has_had_its_turn) return nullptr;
  reads_ = 0;
  written_before_ = messages_.written();
  return timer_.afterDelay(0 * kj::SECONDS);
}

void Connection::throw_if_lost() {
  KJ_IF_MAYBE (why, stream_->broken()) {
    const Reason reason = noise::reason_of(*why);
    auto& limits_hit = calls_->bounds().metrics.limits_hit;
    if (reason == Reason::overloaded) limits_hit[Limit::pending_output_mib].add();
    if (reason == Reason::timeout) limits_hit[Limit::stall_seconds].add();
  }
  KJ_IF_MAYBE (why, messages_.failure()) kj::throwFatalException(kj::cp(*why));
}

/// Who only pings or asks what the server is does so at once, and then leaves.
kj::Promise<void> Connection::when_stranger_too_long() {
  return timer_.afterDelay(to_kj(calls_->bounds().limits.login))
      .then([this]() -> kj::Promise<void> {
        if (calls_->is_known()) return kj::NEVER_DONE;
        calls_->bounds().metrics.limits_hit[Limit::login_seconds].add();
        return kj::READY_NOW;
      });
}

/// Looks once in a while instead of keeping a timer for each call.
kj::Promise<void> Connection::when_idle_too_long() {
  calls_before_ = calls_->calls();
  return timer_.afterDelay(to_kj(calls_->bounds().limits.idle)).then([this]() -> kj::Promise<void> {
    const bool is_used = calls_->calls() != calls_before_ || calls_->in_flight() > 0 ||
                         calls_->pushes()->subscriptions() > 0;
    if (is_used) return when_idle_too_long();
    calls_->bounds().metrics.limits_hit[Limit::idle_minutes].add();
    return kj::READY_NOW;
  });
}

kj::Promise<void> Connection::finish() {
  calls_->refuse(Error(Reason::unavailable, "the server has ended the connection"));
  return messages_.when_answered()
      .then([this] {
        messages_.stop_writing();
        stream_->shutdownWrite();
        return stream_->when_drained();
      })
      .then([this] { return timer_.afterDelay(to_kj(limits::linger)); });
}

}  // namespace qnpc::server
