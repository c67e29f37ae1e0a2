#include "server/call_gate.h"

namespace qnpc::server {

void CallGate::log_in(LiveSessions& sessions, const OwnerKey& identity) {
  if (sessions_.size() >= limits::sessions) {
    throw Error(Reason::overloaded, "too many logins on one connection");
  }
  auto entry = kj::heap<LiveSessions::Entry>(sessions, identity);
  auto removing = entry->when_removed()
                      .then([this] { removed_.fulfiller->fulfill(); })
                      .eagerlyEvaluate(nullptr);
  sessions_.push_back({kj::mv(entry), kj::mv(removing)});
}

void CallGate::enter(size_t limit, size_t& in_flight) {
  if (closed_) throw Error(Reason::unavailable, "the server has ended the connection");
  if (in_flight >= limit) {
    throw Error(Reason::overloaded, "too many calls of this connection are unanswered");
  }
  ++in_flight;
  ++calls_;
}

}  // namespace qnpc::server
