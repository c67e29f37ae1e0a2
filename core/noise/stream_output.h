// stream_output: plaintext on its way out. Cap'n Proto writes every message by itself; here they
// are coalesced into long Noise messages, which are sealed when the socket takes them.
//
// One write is in flight at a time. What comes meanwhile fills further frames, so that a slow
// socket makes frames longer, not more. Everything waiting is in one flat queue: destroying it with
// any amount of output pending is cheap and does not recurse.
#pragma once

#include <kj/async-io.h>
#include <kj/function.h>
#include <kj/timer.h>

#include <chrono>
#include <deque>

#include "qnpc/base/bytes.h"
#include "qnpc/base/limits.h"
#include "qnpc/noise/transport.h"

namespace qnpc::noise {

struct OutputLimits {
  /// Pending bytes above which the connection is given up.
  size_t most_pending = limits::noise_pending_output;
  /// Pending bytes above which when_ready_for_input() waits. A server sets limits::noise_read_gate;
  /// were both sides to stop reading, they could wait for each other.
  size_t read_gate = SIZE_MAX;
  /// How long the socket may take for one frame.
  std::chrono::milliseconds write_stall = limits::noise_write_stall;
};

class StreamOutput {
 public:
  /// `failed` is called at most once, when a write failed or a limit was hit; nothing is written
  /// after that. The first three must outlive the queue.
  StreamOutput(kj::AsyncIoStream& socket, Transport& transport, kj::Timer& timer,
               const OutputLimits& limits, kj::Function<void(kj::Exception)> failed);
  KJ_DISALLOW_COPY(StreamOutput);

  /// Takes the bytes; they leave when the event loop has nothing else to do, and after
  /// limits::longest_turn at the latest, if the socket lets them.
  void append(View plaintext);
  /// Ends the output with the authenticated close: a Noise message with an empty plaintext.
  void close();
  /// Drops what is waiting and takes nothing more.
  void abort();

  /// Bytes that were appended and are not yet with the kernel.
  size_t pending() const { return queued_ + in_flight_.size(); }
  bool ready_for_input() const { return pending() <= limits_.read_gate; }
  /// For one waiter at a time.
  kj::Promise<void> when_ready_for_input();
  /// Resolves when everything appended so far is with the kernel; fails as the connection fails.
  kj::Promise<void> when_drained();

 private:
  enum class State { open, closing, ended };

  void open_frame();
  void schedule();
  void start();
  kj::Promise<void> write_frames();
  kj::Promise<void> write_first();
  void seal_first();
  void recycle_frame();
  void give_up(kj::Exception&& why);

  kj::AsyncIoStream& socket_;
  Transport& transport_;
  kj::Timer& timer_;
  const OutputLimits limits_;
  kj::Function<void(kj::Exception)> failed_;

  State state_ = State::open;
  std::deque<Bytes> frames_;  // header and plaintext; the last one may still grow
  size_t queued_ = 0;         // bytes of plaintext in frames_
  Bytes in_flight_;           // header and ciphertext
  Bytes spare_;               // an empty frame with room, while there is much to write
  bool writing_ = false;
  bool scheduled_ = false;
  kj::Maybe<kj::Own<kj::PromiseFulfiller<void>>> gate_;
  kj::Promise<void> end_of_turn_ = nullptr;
  kj::ForkedPromise<void> writer_ = nullptr;
};

}  // namespace qnpc::noise
