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

}  // namespace qnpc::server
