#include "server/call_gate.h"

#include <algorithm>

namespace qnpc::server {
namespace {

bool has_large_answer(CallKind kind) {
  return kind == CallKind::fetch || kind == CallKind::read || kind == CallKind::read_log;
}

/// Those that need no login succeed only with a right token.
bool shows_business(CallKind kind) {
  return kind == CallKind::login || kind == CallKind::enqueue || kind == CallKind::append ||
         kind == CallKind::append_commit || kind == CallKind::read_log ||
         kind == CallKind::subscribe_log;
}

}  // namespace

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

void CallGate::enter(CallKind kind) {
  if (refusal_) throw *refusal_;
  auto require_less = [&](size_t in_flight, size_t most, Limit limit) {
    if (in_flight < most) return;
    bounds_.metrics.limits_hit[limit].add();
    throw Error(Reason::overloaded, "too many calls of this connection are unanswered");
  };
  require_less(in_flight_, bounds_.limits.calls_in_flight, Limit::calls_in_flight);
  if (has_large_answer(kind)) {
    require_less(large_in_flight_, limits::large_answers, Limit::large_answers);
    ++large_in_flight_;
  }
  ++in_flight_;
  ++calls_;
}

void CallGate::leave(CallKind kind) {
  --in_flight_;
  if (has_large_answer(kind)) --large_in_flight_;
}

void CallGate::failed(CallKind kind, Reason reason) {
  bounds_.metrics.refused(kind)[reason].add();
  if (reason == Reason::overloaded || reason == Reason::rate_limited) was_refused_ = true;
}

std::chrono::milliseconds CallGate::take_pause() {
  if (!std::exchange(was_refused_, false)) return std::chrono::milliseconds(0);
  const auto pause = limits::refusal_pause * (1 << pauses_);
  pauses_ = std::min(pauses_ + 1, limits::refusal_pause_doublings);
  return pause;
}

void CallGate::succeeded(CallKind kind) {
  pauses_ = 0;
  bounds_.metrics.calls[kind].add();
  if (shows_business(kind)) set_known();
}

}  // namespace qnpc::server
