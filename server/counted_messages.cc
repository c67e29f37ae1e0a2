#include "server/counted_messages.h"

#include <capnp/rpc.capnp.h>

namespace qnpc::server {
namespace {

using RpcMessage = capnp::rpc::Message;

// What the protocol answers with a Return, whatever becomes of it; we offer none of the others.
bool is_question(RpcMessage::Which which) {
  return which == RpcMessage::CALL || which == RpcMessage::BOOTSTRAP;
}

}  // namespace

kj::Promise<void> CountedMessages::when_answered() {
  if (unanswered_ == 0) return kj::READY_NOW;
  auto paf = kj::newPromiseAndFulfiller<void>();
  waiter_ = kj::mv(paf.fulfiller);
  return kj::mv(paf.promise);
}

kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> CountedMessages::tryReadMessage(
    kj::ArrayPtr<kj::AutoCloseFd> fds, capnp::ReaderOptions options,
    kj::ArrayPtr<capnp::word> scratch) {
  return stream_.tryReadMessage(fds, options, scratch)
      .then([this](kj::Maybe<capnp::MessageReaderAndFds>&& message) {
        KJ_IF_MAYBE (m, message) {
          if (is_question(m->reader->getRoot<RpcMessage>().which())) ++unanswered_;
        }
        return kj::mv(message);
      });
}

kj::Promise<void> CountedMessages::writeMessage(
    kj::ArrayPtr<const int> fds, kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  if (!writing_) return kj::READY_NOW;
  auto written = stream_.writeMessage(fds, segments);
  count_written(segments);
  return written;
}

kj::Promise<void> CountedMessages::writeMessages(
    kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) {
  if (!writing_) return kj::READY_NOW;
  auto written = stream_.writeMessages(messages);
  for (auto segments : messages) count_written(segments);
  return written;
}

void CountedMessages::count_written(kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  capnp::SegmentArrayMessageReader message(segments);
  if (message.getRoot<RpcMessage>().which() != RpcMessage::RETURN) return;
  if (--unanswered_ > 0) return;
  KJ_IF_MAYBE (waiter, waiter_) (*waiter)->fulfill();
}

}  // namespace qnpc::server
