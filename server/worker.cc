#include "server/worker.h"

#include "qnpc/crypto/system_random.h"
#include "server/authentication_service.h"
#include "server/delivery_service.h"
#include "server/kj_time.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/store/turn.h"

namespace qnpc::server {
namespace {

noise::StreamOptions stream_options(const noise::Suites& suites, const ConnectionLimits& limits) {
  noise::StreamOptions options;
  options.handshake_time = limits.handshake;
  options.suites = suites;
  options.output.most_pending = limits.pending_output;
  options.output.write_stall = limits.stall;
  options.output.read_gate = qnpc::limits::noise_read_gate;
  return options;
}

}  // namespace

Worker::Worker(const Shared& shared, Sockets sockets)
    : shared_(shared), thread_([this, &sockets](auto& io, auto& ready, auto stop) {
        run(sockets, io, ready, kj::mv(stop));
      }) {}

void Worker::run(Sockets& sockets, kj::AsyncIoContext& io, const std::function<void()>& ready,
                 kj::Promise<void> stop) {
  io.waitScope.setBusyPollInterval(limits::steps_between_polls);
  kj::Timer& timer = io.provider->getTimer();
  const TurnTimer turn_timer(timer);
  crypto::SystemRandom random;
  noise::Endpoint endpoint{shared_.static_key, random, timer,
                           stream_options(shared_.suites, shared_.foundation.limits)};
  Subscriptions subscriptions(shared_.foundation.store, timer);
  const Foundation& foundation = shared_.foundation;
  Listener authentication(
      *io.lowLevelProvider, kj::mv(sockets.authentication), endpoint, shared_.admission, foundation,
      {"authentication", limits::authentication_message_words,
       [&](Peer peer) { return kj::heap<AuthenticationService>(foundation, std::move(peer)); }});
  Listener delivery(*io.lowLevelProvider, kj::mv(sockets.delivery), endpoint, shared_.admission,
                    foundation,
                    {"delivery", limits::message_words, [&](Peer peer) {
                       return kj::heap<DeliveryService>(foundation, subscriptions, std::move(peer));
                     }});
  auto expiring = expire_for_ever(timer).eagerlyEvaluate(nullptr);
  ready();

  stop.wait(io.waitScope);
  auto stopped = kj::joinPromises(kj::arr(authentication.stop(), delivery.stop()));
  timer.timeoutAfter(to_kj(limits::shutdown), kj::mv(stopped))
      .catch_([](kj::Exception&&) { log::warn("stopped_with_calls_unanswered"); })
      .wait(io.waitScope);
}

/// Each loop does it, so that none has to be the one that does: there is little to do once it was
/// done.
kj::Promise<void> Worker::expire_for_ever(kj::Timer& timer) {
  return shared_.foundation.store.expire()
      .catch_([](kj::Exception&&) { return false; })  // the disk is full or busy: later
      .then([&timer](bool more) -> kj::Promise<void> {
        if (more) return kj::READY_NOW;
        return timer.afterDelay(to_kj(limits::expire_pause));
      })
      .then([this, &timer] { return expire_for_ever(timer); });
}

}  // namespace qnpc::server
