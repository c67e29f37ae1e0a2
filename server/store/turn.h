// turn: the writes that one event loop asks for in one turn. They go to the writer together when
// the turn ends, so that they stand in one batch, and are answered together: waking a thread costs
// more than a row does.
#pragma once

#include <kj/async.h>
#include <kj/timer.h>

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "server/store/writer.h"

namespace qnpc::server {

/// What one write came to: exactly one of the two, once its turn is answered.
template <class T>
struct Answer {
  std::optional<T> value;
  kj::Maybe<kj::Exception> error;
};

/// Counts the writes of a turn that are not yet answered. Shared with the writer's thread.
class Outstanding {
 public:
  explicit Outstanding(kj::Own<kj::CrossThreadPromiseFulfiller<void>> all_answered)
      : all_answered_(kj::mv(all_answered)) {}

  void one_more() { count_.fetch_add(1, std::memory_order_relaxed); }
  /// The last one wakes the loop, which then sees all answers.
  void finish_one() {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) all_answered_->fulfill();
  }

 private:
  std::atomic<size_t> count_{0};
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> all_answered_;
};

/// As long as one lives, a turn of its thread ends after limits::longest_turn at the latest; else
/// when the loop has nothing left to do, which never comes where many peers keep it busy.
class TurnTimer {
 public:
  explicit TurnTimer(kj::Timer& timer);
  KJ_DISALLOW_COPY(TurnTimer);
  ~TurnTimer();
};

/// The loop's own half; it stays in the loop's thread. It lives as long as somebody waits for one
/// of its writes: those of which all callers have gone before it ends are not made.
class Turn {
 public:
  /// This thread's turn: a new one where the last has ended, or was for another queue.
  static std::shared_ptr<Turn> current(const std::shared_ptr<WriteQueue>& queue);

  Turn(std::shared_ptr<WriteQueue> queue, kj::PromiseCrossThreadFulfillerPair<void> answered)
      : queue_(std::move(queue)),
        outstanding_(std::make_shared<Outstanding>(kj::mv(answered.fulfiller))),
        all_answered_(answered.promise.fork()),
        end_(when_over().then([this] { end(); }).eagerlyEvaluate(nullptr)) {}

  const std::shared_ptr<Outstanding>& outstanding() const { return outstanding_; }
  /// It calls outstanding()->finish_one() once, when it is answered.
  void add(std::unique_ptr<Write> write);
  kj::Promise<void> when_all_answered() { return all_answered_.addBranch(); }

 private:
  static kj::Promise<void> when_over();
  void end();

  bool ended_ = false;
  std::shared_ptr<WriteQueue> queue_;
  std::vector<std::unique_ptr<Write>> writes_;
  size_t bytes_ = 0;  // of these
  std::shared_ptr<Outstanding> outstanding_;
  kj::ForkedPromise<void> all_answered_;
  kj::Promise<void> end_;
};

}  // namespace qnpc::server
