#include "server/call_gate.h"

namespace qnpc::server {

void CallGate::enter(size_t limit, size_t& in_flight) {
  if (closed_) throw Error(Reason::unavailable, "the server is stopping");
  if (in_flight >= limit) {
    throw Error(Reason::overloaded, "too many calls of this connection are unanswered");
  }
  ++in_flight;
  ++calls_;
}

void CallGate::leave(size_t& in_flight) {
  --in_flight;
  if (in_flight_ > 0) return;
  KJ_IF_MAYBE (waiter, waiter_) (*waiter)->fulfill();
}

kj::Promise<void> CallGate::when_idle() {
  if (in_flight_ == 0) return kj::READY_NOW;
  auto paf = kj::newPromiseAndFulfiller<void>();
  waiter_ = kj::mv(paf.fulfiller);
  return kj::mv(paf.promise);
}

}  // namespace qnpc::server
