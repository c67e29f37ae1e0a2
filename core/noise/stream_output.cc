#include "qnpc/noise/stream_output.h"

#include <kj/debug.h>

#include <algorithm>

#include "qnpc/codec/length_prefixed.h"
#include "qnpc/noise/stream_error.h"

namespace qnpc::noise {
namespace {

using codec::LengthPrefixedCodec;

constexpr size_t header_size = LengthPrefixedCodec::header_size;
constexpr size_t full_frame = header_size + max_plaintext;
// A frame of this size leaves before the turn ends, so that the peer can begin while we go on.
constexpr size_t coalesced_frame = size_t{32} << 10;

}  // namespace

StreamOutput::StreamOutput(kj::AsyncIoStream& socket, Transport& transport, kj::Timer& timer,
                           const OutputLimits& limits, kj::Function<void(kj::Exception)> failed)
    : socket_(socket),
      transport_(transport),
      timer_(timer),
      limits_(limits),
      failed_(kj::mv(failed)) {}

void StreamOutput::append(View plaintext) {
  KJ_REQUIRE(state_ == State::open, "output after the end of the stream");
  if (pending() + plaintext.size() > limits_.most_pending) {
    return give_up(to_kj(Error(Reason::overloaded, "the peer reads too slowly: too much output")));
  }
  if (plaintext.empty()) return;  // an empty frame would be a close
  queued_ += plaintext.size();
  while (!plaintext.empty()) {
    if (frames_.empty() || frames_.back().size() == full_frame) open_frame();
    Bytes& frame = frames_.back();
    const size_t n = std::min(plaintext.size(), full_frame - frame.size());
    qnpc::append(frame, plaintext.first(n));
    plaintext = plaintext.subspan(n);
  }
  schedule();
}

void StreamOutput::close() {
  if (state_ != State::open) return;
  state_ = State::closing;
  open_frame();
  start();
}

void StreamOutput::abort() {
  state_ = State::ended;
  frames_.clear();
  queued_ = 0;
}

kj::Promise<void> StreamOutput::when_ready_for_input() {
  if (ready_for_input()) return kj::READY_NOW;
  auto gate = kj::newPromiseAndFulfiller<void>();
  gate_ = kj::mv(gate.fulfiller);
  return kj::mv(gate.promise);
}

kj::Promise<void> StreamOutput::when_drained() {
  start();
  if (!writing_) return kj::READY_NOW;
  return writer_.addBranch().then([this] { return when_drained(); });
}

void StreamOutput::open_frame() {
  frames_.push_back(std::move(spare_));
  spare_ = {};
  frames_.back().resize(header_size);
}

void StreamOutput::schedule() {
  if (writing_) return;
  if (frames_.front().size() >= coalesced_frame) return start();
  if (scheduled_) return;
  scheduled_ = true;
  end_of_turn_ =
      kj::evalLast([] {})
          .exclusiveJoin(timer_.afterDelay(limits::longest_turn.count() * kj::MILLISECONDS))
          .then([this] {
            scheduled_ = false;
            start();
          })
          .eagerlyEvaluate(nullptr);
}

void StreamOutput::start() {
  if (writing_ || frames_.empty()) return;
  writing_ = true;
  writer_ = kj::evalNow([this] { return write_first(); })
                .catch_([this](kj::Exception&& why) {
                  writing_ = false;
                  give_up(kj::cp(why));
                  kj::throwFatalException(kj::mv(why));
                })
                .fork();
}

// Goes on with the frames that are ready to leave.
kj::Promise<void> StreamOutput::write_frames() {
  const bool small = frames_.size() == 1 && frames_.front().size() < coalesced_frame;
  if (!frames_.empty() && (!small || state_ == State::closing)) return write_first();
  writing_ = false;
  if (small) schedule();
  if (state_ == State::closing) {
    state_ = State::ended;
    socket_.shutdownWrite();
  }
  return kj::READY_NOW;
}

kj::Promise<void> StreamOutput::write_first() {
  seal_first();
  auto stalled = timer_.afterDelay(limits_.write_stall.count() * kj::MILLISECONDS)
                     .then([]() -> kj::Promise<void> {
                       return to_kj(Error(Reason::timeout, "the peer takes no more output"));
                     });
  return socket_.write(in_flight_.data(), in_flight_.size())
      .exclusiveJoin(kj::mv(stalled))
      .then([this] {
        recycle_frame();
        if (ready_for_input()) {
          KJ_IF_MAYBE (gate, gate_) (*gate)->fulfill();
          gate_ = nullptr;
        }
        return write_frames();
      });
}

void StreamOutput::seal_first() {
  in_flight_ = std::move(frames_.front());
  frames_.pop_front();
  const size_t plaintext = in_flight_.size() - header_size;
  queued_ -= plaintext;
  in_flight_.resize(header_size + plaintext + tag_size);
  MutableView frame = in_flight_;
  LengthPrefixedCodec::write_header(frame, plaintext + tag_size);
  with_stream_errors([&] {
    MutableView message = frame.subspan(header_size);
    transport_.seal_into(message, message.first(plaintext));
  });
}

// A long frame's memory serves the next one; after a short one it is given back, so that an idle
// connection holds none.
void StreamOutput::recycle_frame() {
  spare_ = in_flight_.size() >= coalesced_frame ? std::move(in_flight_) : Bytes();
  spare_.clear();
  in_flight_ = {};
}

void StreamOutput::give_up(kj::Exception&& why) {
  if (state_ == State::ended) return;
  abort();
  failed_(kj::mv(why));
}

}  // namespace qnpc::noise
