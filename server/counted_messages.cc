#include "server/counted_messages.h"

#include "qnpc/base/error.h"
#include "qnpc/noise/stream_error.h"

namespace qnpc::server {
namespace {

using RpcMessage = capnp::rpc::Message;

// What the protocol answers with a Return, whatever becomes of it; we offer none of the others.
bool is_question(RpcMessage::Which which) {
  return which == RpcMessage::CALL || which == RpcMessage::BOOTSTRAP;
}

/// What peers of two parties say. The RPC system would send anything else back as it came.
bool is_known(RpcMessage::Which which) {
  switch (which) {
    case RpcMessage::UNIMPLEMENTED:
    case RpcMessage::ABORT:
    case RpcMessage::BOOTSTRAP:
    case RpcMessage::CALL:
    case RpcMessage::RETURN:
    case RpcMessage::FINISH:
    case RpcMessage::RESOLVE:
    case RpcMessage::RELEASE:
    case RpcMessage::DISEMBARGO: return true;
    default: return false;
  }
}

/// How many capabilities come with it, for each of which the RPC system makes an object.
kj::uint capabilities_in(RpcMessage::Reader message) {
  switch (message.which()) {
    case RpcMessage::CALL: return message.getCall().getParams().getCapTable().size();
    case RpcMessage::RETURN: {
      auto returned = message.getReturn();
      return returned.isResults() ? returned.getResults().getCapTable().size() : 0;
    }
    default: return 0;
  }
}

size_t size_of(kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  size_t words = 0;
  for (const auto& segment : segments) words += segment.size();
  return words * sizeof(capnp::word);
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
  auto pause = pause_();
  KJ_IF_MAYBE (wait, pause) {
    return wait->then([=, this] { return read(fds, options, scratch); });
  }
  return read(fds, options, scratch);
}

kj::Promise<kj::Maybe<capnp::MessageReaderAndFds>> CountedMessages::read(
    kj::ArrayPtr<kj::AutoCloseFd> fds, capnp::ReaderOptions options,
    kj::ArrayPtr<capnp::word> scratch) {
  return stream_.tryReadMessage(fds, options, scratch)
      .then(
          [this](kj::Maybe<capnp::MessageReaderAndFds>&& message) {
            KJ_IF_MAYBE (m, message) {
              try {
                count_read(m->reader->getRoot<RpcMessage>());
              } catch (const Error& error) {
                fail(noise::to_kj(error));
              }
            }
            return kj::mv(message);
          },
          [this](kj::Exception&& why) -> kj::Maybe<capnp::MessageReaderAndFds> {
            if (noise::reason_of(why) == Reason::too_large) {
              bounds_.metrics.limits_hit[Limit::message_shape].add();
            }
            fail(kj::mv(why));
          });
}

void CountedMessages::fail(kj::Exception&& why) {
  failure_ = kj::cp(why);
  kj::throwFatalException(kj::mv(why));
}

void CountedMessages::count_read(RpcMessage::Reader message) {
  auto require = [this](bool is_fine, Reason reason, const char* what) {
    if (is_fine) return;
    bounds_.metrics.limits_hit[Limit::message_shape].add();
    throw Error(reason, what);
  };
  const RpcMessage::Which which = message.which();
  require(is_known(which), Reason::unsupported, "an RPC message of a kind that has no use here");
  require(capabilities_in(message) <= limits::message_capabilities, Reason::too_large,
          "too many capabilities in one RPC message");
  if (is_question(which)) {
    require(unfinished_ < limits::unfinished_questions, Reason::too_large,
            "too many RPC questions that are not finished");
    ++unfinished_;
    ++unanswered_;
  }
  if (which == RpcMessage::FINISH && unfinished_ > 0) --unfinished_;
}

kj::Promise<void> CountedMessages::writeMessage(
    kj::ArrayPtr<const int> fds, kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  if (!writing_ || !hold(size_of(segments))) return kj::READY_NOW;
  auto written = stream_.writeMessage(fds, segments);
  count_written(segments);
  release_when_drained();
  return written;
}

kj::Promise<void> CountedMessages::writeMessages(
    kj::ArrayPtr<kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>>> messages) {
  size_t bytes = 0;
  for (auto segments : messages) bytes += size_of(segments);
  if (!writing_ || !hold(bytes)) return kj::READY_NOW;
  auto written = stream_.writeMessages(messages);
  for (auto segments : messages) count_written(segments);
  release_when_drained();
  return written;
}

void CountedMessages::count_written(kj::ArrayPtr<const kj::ArrayPtr<const capnp::word>> segments) {
  capnp::SegmentArrayMessageReader message(segments);
  if (message.getRoot<RpcMessage>().which() != RpcMessage::RETURN) return;
  if (--unanswered_ > 0) return;
  KJ_IF_MAYBE (waiter, waiter_) (*waiter)->fulfill();
}

/// False where there is no room: then the connection ends, since an answer is missing in it.
bool CountedMessages::hold(size_t bytes) {
  written_ += bytes;
  release_what_left();
  try {
    if (auto hold = bounds_.memory.take(bounds_.host, bytes, output_.pending())) {
      held_.push_back({bytes, std::move(hold)});
      held_bytes_ += bytes;
    }
    return true;
  } catch (const Error&) {
    stop_writing();
    overflowing_.fulfiller->fulfill();
    return false;
  }
}

/// A peer that takes what is sent may yet never have taken all of it.
void CountedMessages::release_what_left() {
  while (!held_.empty() && held_bytes_ - held_.front().bytes >= output_.pending()) {
    held_bytes_ -= held_.front().bytes;
    held_.pop_front();
  }
}

/// Each time that something is written, so that one wait covers all before it.
void CountedMessages::release_when_drained() {
  if (held_.empty()) return;
  releasing_ =
      output_.when_drained()
          .then([this] {
            held_.clear();
            held_bytes_ = 0;
          })
          .eagerlyEvaluate([](kj::Exception&&) {});  // the connection fails, and takes them along
}

}  // namespace qnpc::server
