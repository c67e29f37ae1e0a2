// stream_rpc: RPC messages to and from a NoiseStream. A message that has come whole is handed over
// at once, where the generic reader waits for its header, then for its body; this is a third of the
// cost of a small call.
//
//   noise::RpcStream messages(*stream);
//   capnp::TwoPartyVatNetwork network(messages, capnp::rpc::twoparty::Side::SERVER, options);
#pragma once

#include <capnp/serialize-async.h>

#include "qnpc/noise/stream.h"

namespace qnpc::noise {

class RpcStream final : public capnp::MessageStream {
 public:
  /// The stream must outlive this.
  explicit RpcStream(NoiseStream& stream) : stream_(stream), generic_(stream) {}

  kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> tryReadMessage(
      kj::ArrayPtr<kj::AutoCloseFd> fds, capnp::ReaderOptions options,
      kj::ArrayPtr<capnp::word> scratch) override;
  kj::Promise<void> writeMessage(
      kj::ArrayPtr<const int> fds,
      kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) override;
  kj::Promise<void> writeMessages(
      kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) override;
  kj::Maybe<int> getSendBufferSize() override { return generic_.getSendBufferSize(); }
  kj::Promise<void> end() override { return generic_.end(); }

 private:
  kj::Maybe<kj::Own<capnp::MessageReader>> take_message(const capnp::ReaderOptions& options);

  NoiseStream& stream_;
  capnp::AsyncIoMessageStream generic_;
};

}  // namespace qnpc::noise
