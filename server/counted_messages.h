// counted_messages: the RPC messages of one connection on their way, where what libcapnp does not
// bound is bounded: how fast they are read, how many questions the peer leaves unfinished, what a
// message may carry, and the memory of answers that are long, or many, until they have left. It
// also tells which questions have no answer on the channel yet: how many turns of the loop one
// takes through the RPC system differs between versions.
#pragma once

#include <capnp/rpc.capnp.h>
#include <capnp/serialize-async.h>
#include <kj/async.h>

#include <deque>
#include <functional>

#include "server/connection_limits.h"

namespace qnpc::server {

class CountedMessages final : public capnp::MessageStream {
 public:
  /// Of what was written: resolves when all has left, and how many bytes have not.
  struct Output {
    std::function<kj::Promise<void>()> when_drained = [] { return kj::READY_NOW; };
    std::function<size_t()> pending = [] { return size_t{0}; };
  };

  /// Asked before each read: what it has to wait for, if for anything.
  using Pause = std::function<kj::Maybe<kj::Promise<void>>()>;

  /// The stream must outlive this.
  CountedMessages(
      capnp::MessageStream& stream, ConnectionBounds bounds, Output output,
      Pause pause = [] { return nullptr; })
      : stream_(stream),
        bounds_(std::move(bounds)),
        output_(std::move(output)),
        pause_(std::move(pause)) {}

  /// Resolves when every question that was read has had its answer written. For one waiter.
  kj::Promise<void> when_answered();
  /// From now on what is written is dropped; reading goes on.
  void stop_writing() { writing_ = false; }
  /// There was no room for an answer, and so for none that follows. For one waiter.
  kj::Promise<void> when_overflowing() { return kj::mv(overflowing_.promise); }

  /// Bytes that were written so far.
  uint64_t written() const { return written_; }
  /// Why no more could be read, where the peer has not left in good order.
  const kj::Maybe<kj::Exception>& failure() const { return failure_; }

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
  kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> read(kj::ArrayPtr<kj::AutoCloseFd> fds,
                                                          capnp::ReaderOptions options,
                                                          kj::ArrayPtr<capnp::word> scratch);
  void count_read(capnp::rpc::Message::Reader message);
  [[noreturn]] void fail(kj::Exception&& why);
  void count_written(kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments);
  bool hold(size_t bytes);
  void release_what_left();
  void release_when_drained();

  capnp::MessageStream& stream_;
  const ConnectionBounds bounds_;
  const Output output_;
  const Pause pause_;
  size_t unanswered_ = 0;
  size_t unfinished_ = 0;
  uint64_t written_ = 0;
  bool writing_ = true;
  kj::Maybe<kj::Exception> failure_;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> waiter_;
  kj::PromiseFulfillerPair<void> overflowing_ = kj::newPromiseAndFulfiller<void>();
  struct Held {
    size_t bytes;
    MessageMemory::Hold hold;
  };
  std::deque<Held> held_;  // for what has not left yet, the oldest first
  size_t held_bytes_ = 0;
  kj::Promise<void> releasing_ = kj::READY_NOW;
};

}  // namespace qnpc::server
