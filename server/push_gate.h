// push_gate: what the server sends on one connection without being asked: how many subscriptions
// there are, how many pushes at once, and whether the peer still answers them.
#pragma once

#include <kj/async.h>

#include <memory>
#include <optional>

#include "qnpc/base/error.h"
#include "server/connection_limits.h"

namespace qnpc::server {

class PushGate : public std::enable_shared_from_this<PushGate> {
 public:
  /// A place for one subscription, for as long as it lives. Throws Reason::overloaded.
  class Place {
   public:
    explicit Place(std::shared_ptr<PushGate> gate);
    KJ_DISALLOW_COPY(Place);
    ~Place() { --gate_->subscriptions_; }

   private:
    std::shared_ptr<PushGate> gate_;
  };
  explicit PushGate(ConnectionBounds bounds) : bounds_(std::move(bounds)) {}

  size_t subscriptions() const { return subscriptions_; }

  /// Runs a push, a function that returns a promise, when fewer than limits::pushes are unanswered.
  template <class Push>
  kj::Promise<void> run(Push push) {
    if (in_flight_ >= limits::pushes) {
      return when_one_ended().then(
          [this, push = kj::mv(push)]() mutable { return run(kj::mv(push)); });
    }
    ++in_flight_;
    auto permit = kj::defer([self = shared_from_this()] { self->end_one(); });
    return kj::evalNow(kj::mv(push)).attach(kj::mv(permit));
  }

  /// The peer has left a push unanswered for too long.
  void stalled();
  /// What too long is.
  std::chrono::seconds stall() const { return bounds_.limits.stall; }
  /// Throws Reason::overloaded where there is no room for a push of so many bytes.
  void require_room(size_t bytes) const { bounds_.memory.require_room(bounds_.host, bytes); }
  /// For one waiter.
  kj::Promise<void> when_stalled() { return kj::mv(stalled_.promise); }

 private:
  kj::Promise<void> when_one_ended();
  void end_one();

  const ConnectionBounds bounds_;
  size_t subscriptions_ = 0;
  size_t in_flight_ = 0;
  struct Ended {
    kj::Own<kj::PromiseFulfiller<void>> fulfiller;
    kj::ForkedPromise<void> promise;
  };
  std::optional<Ended> ended_;  // one of the pushes, where somebody waits for that
  kj::PromiseFulfillerPair<void> stalled_ = kj::newPromiseAndFulfiller<void>();
};

}  // namespace qnpc::server
