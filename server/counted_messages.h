// counted_messages: the RPC messages of one connection, counted on their way: which questions of
// the peer have no answer on the channel yet. The RPC system does not tell, and how many turns of
// the loop an answer takes through it differs between its versions.
#pragma once

#include <capnp/serialize-async.h>
#include <kj/async.h>

namespace qnpc::server {

class CountedMessages final : public capnp::MessageStream {
 public:
  /// The stream must outlive this.
  explicit CountedMessages(capnp::MessageStream& stream) : stream_(stream) {}

  /// Resolves when every question that was read has had its answer written. For one waiter.
  kj::Promise<void> when_answered();
  /// From now on what is written is dropped; reading goes on.
  void stop_writing() { writing_ = false; }

  kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> tryReadMessage(
      kj::ArrayPtr<kj::AutoCloseFd> fds, capnp::ReaderOptions options,
      kj::ArrayPtr<capnp::word> scratch) override;
  kj::Promise<void> writeMessage(
      kj::ArrayPtr<const int> fds,
      kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) override;
  kj::Promise<void> writeMessages(
      kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) override;
  kj::Maybe<int> getSendBufferSize() override { return stream_.getSendBufferSize(); }
  kj::Promise<void> end() override { return stream_.end(); }

 private:
  void count_written(kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments);

  capnp::MessageStream& stream_;
  size_t unanswered_ = 0;
  bool writing_ = true;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> waiter_;
};

}  // namespace qnpc::server
