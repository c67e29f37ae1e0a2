// connection: one client's channel and the service it talks to. capnp::TwoPartyServer does the same
// without limits.
#pragma once

#include <capnp/rpc-twoparty.h>

#include "qnpc/noise/stream_rpc.h"
#include "server/call_gate.h"
#include "server/counted_messages.h"

namespace qnpc::server {

class Connection {
 public:
  /// `service` is what the peer gets as bootstrap; its calls go through `calls`. A message of the
  /// peer may have so many words.
  Connection(kj::Own<noise::NoiseStream> stream, capnp::Capability::Client service,
             std::shared_ptr<CallGate> calls, uint64_t message_words, kj::Timer& timer);
  KJ_DISALLOW_COPY(Connection);

  /// Resolves when the connection has ended: the peer left, stayed a stranger or was idle for too
  /// long or left a push unanswered, or `stop` resolved and what was in flight has been answered.
  /// Fails where it ended in no good order.
  kj::Promise<void> run(kj::Promise<void> stop);

 private:
  /// What has to pass before the peer's next message is read.
  kj::Maybe<kj::Promise<void>> pause();
  /// Counts the limit that the peer had come to, if any.
  void throw_if_lost();
  kj::Promise<void> when_stranger_too_long();
  kj::Promise<void> when_idle_too_long();
  /// Answers what is in flight, says goodbye, and gives the peer time to say it too.
  kj::Promise<void> finish();

  kj::Own<noise::NoiseStream> stream_;
  noise::RpcStream channel_;
  CountedMessages messages_;
  std::shared_ptr<CallGate> calls_;
  kj::Timer& timer_;
  uint64_t calls_before_ = 0;
  // In this turn, and before it.
  size_t reads_ = 0;
  uint64_t written_before_ = 0;
  capnp::TwoPartyVatNetwork network_;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc_;
};

}  // namespace qnpc::server
