#include "server/push_gate.h"

#include <utility>

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

kj::Promise<void> PushGate::when_one_ended() {
  auto paf = kj::newPromiseAndFulfiller<void>();
  waiting_.push_back(kj::mv(paf.fulfiller));
  return kj::mv(paf.promise);
}

/// Wakes all who wait, of whom some may be gone: each looks again.
void PushGate::end_one() {
  --in_flight_;
  for (auto& waiter : std::exchange(waiting_, {})) waiter->fulfill();
}

}  // namespace qnpc::server
