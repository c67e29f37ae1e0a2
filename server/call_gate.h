// call_gate: the door that all calls of one connection go through. It bounds how many are
// unanswered, and turns our errors into what the RPC system carries.
#pragma once

#include <kj/async.h>

#include <memory>
#include <vector>

#include "schemas/rpc_error.h"
#include "server/limits.h"
#include "server/live_sessions.h"
#include "server/push_gate.h"

namespace qnpc::server {

class CallGate : public std::enable_shared_from_this<CallGate> {
 public:
  /// Runs a call: a function that returns a promise. What it throws of ours fails the promise.
  template <class Call>
  kj::Promise<void> run(Call&& call) {
    return run_within(limits::calls_in_flight, in_flight_, call);
  }
  /// The same for calls whose answer may be large.
  template <class Call>
  kj::Promise<void> run_large(Call&& call) {
    return run([&] { return run_within(limits::large_answers, large_in_flight_, call); });
  }

  /// Remembers that an identity logs in, for as long as the connection lasts, which ends when the
  /// identity is removed. Throws Reason::overloaded past limits::sessions.
  void log_in(LiveSessions& sessions, const OwnerKey& identity);
  /// Who logged in here was removed. For one waiter.
  kj::Promise<void> when_removed() { return kj::mv(removed_.promise); }

  /// From now on calls are refused with `unavailable`.
  void close() { closed_ = true; }
  /// Calls since the beginning, so that somebody who looks twice sees whether there were any.
  uint64_t calls() const { return calls_; }
  size_t in_flight() const { return in_flight_; }
  /// The other direction of the same connection.
  const std::shared_ptr<PushGate>& pushes() const { return pushes_; }

 private:
  template <class Call>
  kj::Promise<void> run_within(size_t limit, size_t& in_flight, Call&& call) {
    try {
      enter(limit, in_flight);
      auto permit = kj::defer([self = shared_from_this(), &in_flight] { --in_flight; });
      return call().attach(kj::mv(permit));
    } catch (const Error& error) {
      return rpc::to_exception(error);
    }
  }
  void enter(size_t limit, size_t& in_flight);

  size_t in_flight_ = 0;
  size_t large_in_flight_ = 0;  // they are among those of in_flight_
  uint64_t calls_ = 0;
  bool closed_ = false;
  struct Session {
    kj::Own<LiveSessions::Entry> entry;
    kj::Promise<void> removing;
  };
  std::vector<Session> sessions_;
  kj::PromiseFulfillerPair<void> removed_ = kj::newPromiseAndFulfiller<void>();
  std::shared_ptr<PushGate> pushes_ = std::make_shared<PushGate>();
};

}  // namespace qnpc::server
