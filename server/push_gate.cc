#include "server/push_gate.h"

namespace qnpc::server {

PushGate::Place::Place(std::shared_ptr<PushGate> gate) : gate_(std::move(gate)) {
  if (gate_->subscriptions_ >= gate_->bounds_.limits.subscriptions) {
    gate_->bounds_.metrics.limits_hit[Limit::subscriptions].add();
    throw Error(Reason::overloaded, "this connection has too many subscriptions");
  }
  ++gate_->subscriptions_;
}

void PushGate::stalled() {
  bounds_.metrics.limits_hit[Limit::stall_seconds].add();
  stalled_.fulfiller->fulfill();
}

/// Of a fork, whose branches leave nothing behind: who subscribes and leaves while a peer is slow
/// would pile up here else.
kj::Promise<void> PushGate::when_one_ended() {
  if (!ended_) {
    auto paf = kj::newPromiseAndFulfiller<void>();
    ended_ = {kj::mv(paf.fulfiller), paf.promise.fork()};
  }
  return ended_->promise.addBranch();
}

/// Wakes all who wait: each looks again.
void PushGate::end_one() {
  --in_flight_;
  if (ended_) ended_->fulfiller->fulfill();
  ended_.reset();
}

}  // namespace qnpc::server
