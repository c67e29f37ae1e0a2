// stream_rpc: RPC messages to and from a NoiseStream. A message that has come whole is handed over
// at once, where the generic reader waits for its header, then for its body; this is a third of the
// cost of a small call.
//
//   noise::RpcStream messages(*stream);
//   capnp::TwoPartyVatNetwork network(messages, capnp::rpc::twoparty::Side::SERVER, options);
#pragma once

#include <capnp/serialize-async.h>

#include <functional>
#include <memory>

#include "qnpc/noise/stream.h"

namespace qnpc::noise {

class RpcStream final : public capnp::MessageStream {
 public:
  /// Asked for each message that is not at hand as a whole, with its size and before there is
  /// memory for it. What it returns lives as long as the message; what it throws ends the reading.
  using Admit = std::function<std::shared_ptr<void>(size_t bytes)>;

  /// The stream must outlive this.
  explicit RpcStream(
      NoiseStream& stream, Admit admit = [](size_t) { return nullptr; })
      : stream_(stream), generic_(stream), admit_(std::move(admit)) {}

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
  Admit admit_;
};

}  // namespace qnpc::noise
