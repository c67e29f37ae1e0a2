// call_gate: the door that all calls of one connection go through. It counts them, bounds how many
// are unanswered, and turns our errors into what the RPC system carries.
#pragma once

#include <kj/async.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "schemas/rpc_error.h"
#include "server/connection_limits.h"
#include "server/live_sessions.h"
#include "server/push_gate.h"

namespace qnpc::server {

class CallGate : public std::enable_shared_from_this<CallGate> {
 public:
  explicit CallGate(ConnectionBounds bounds) : bounds_(std::move(bounds)) {}

  /// Runs a call: a function that returns a promise. What it throws of ours fails the promise.
  template <class Call>
  kj::Promise<void> run(CallKind kind, Call&& call) {
    try {
      enter(kind);
      auto permit = kj::defer([self = shared_from_this(), kind] { self->leave(kind); });
      return call()
          .then([this, kind] { succeeded(kind); },
                [this, kind](kj::Exception&& exception) {
                  failed(kind, rpc::from_exception(exception).reason());
                  kj::throwFatalException(kj::mv(exception));
                })
          .attach(kj::mv(permit));
    } catch (const Error& error) {
      failed(kind, error.reason());
      return rpc::to_exception(error);
    } catch (const kj::Exception& exception) {  // of libcapnp, which could not follow a pointer
      failed(kind, Reason::malformed);
      return rpc::to_exception(Error(Reason::malformed, exception.getDescription().cStr()));
    }
  }

  /// Remembers that an identity logs in, for as long as the connection lasts, which ends when the
  /// identity is removed. Throws Reason::overloaded past limits::sessions.
  void log_in(LiveSessions& sessions, const OwnerKey& identity);
  /// Who logged in here was removed. For one waiter.
  kj::Promise<void> when_removed() { return kj::mv(removed_.promise); }

  /// Whether the peer has shown that it has business here: by a login, or a token that was right.
  bool is_known() const { return is_known_; }
  void set_known() { is_known_ = true; }

  /// How long no more should be read of the peer: not at all, or where a call was one too many
  /// since this was asked last, longer each time until one succeeds.
  std::chrono::milliseconds take_pause();

  /// From now on calls are refused with this.
  void refuse(Error why) { refusal_ = std::move(why); }
  /// Calls since the beginning, so that somebody who looks twice sees whether there were any.
  uint64_t calls() const { return calls_; }
  size_t in_flight() const { return in_flight_; }
  /// The other direction of the same connection.
  const std::shared_ptr<PushGate>& pushes() const { return pushes_; }
  const ConnectionBounds& bounds() const { return bounds_; }
  /// Throws Reason::overloaded where there is no room for an answer of so many bytes.
  void require_room(size_t bytes) const { bounds_.memory.require_room(bounds_.host, bytes); }

 private:
  void enter(CallKind kind);
  void leave(CallKind kind);
  void succeeded(CallKind kind);
  void failed(CallKind kind, Reason reason);

  const ConnectionBounds bounds_;
  size_t in_flight_ = 0;
  size_t large_in_flight_ = 0;  // whose answer may be large; they are among those of in_flight_
  uint64_t calls_ = 0;
  bool is_known_ = false;
  bool was_refused_ = false;
  int pauses_ = 0;  // since a call succeeded
  std::optional<Error> refusal_;
  struct Session {
    kj::Own<LiveSessions::Entry> entry;
    kj::Promise<void> removing;
  };
  std::vector<Session> sessions_;
  kj::PromiseFulfillerPair<void> removed_ = kj::newPromiseAndFulfiller<void>();
  std::shared_ptr<PushGate> pushes_ = std::make_shared<PushGate>(bounds_);
};

}  // namespace qnpc::server
