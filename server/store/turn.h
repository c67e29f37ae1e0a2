// turn: the writes that one event loop asks for in one turn, answered together. Waking a loop in
// another thread costs more than a row does, so that the writer does it once a turn and not once a
// row.
#pragma once

#include <kj/async.h>

#include <atomic>
#include <memory>
#include <optional>

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
  std::atomic<size_t> count_{1};  // the turn itself, until it ends
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> all_answered_;
};

/// The loop's own half; it stays in the loop's thread.
class Turn {
 public:
  /// This thread's turn: a new one where the last has ended.
  static std::shared_ptr<Turn> current();

  explicit Turn(kj::PromiseCrossThreadFulfillerPair<void> answered)
      : outstanding_(std::make_shared<Outstanding>(kj::mv(answered.fulfiller))),
        all_answered_(answered.promise.fork()),
        end_(kj::evalLast([this] { end(); }).eagerlyEvaluate(nullptr)) {}

  std::shared_ptr<Outstanding> one_more() {
    outstanding_->one_more();
    return outstanding_;
  }
  kj::Promise<void> when_all_answered() { return all_answered_.addBranch(); }

 private:
  void end();

  bool ended_ = false;
  std::shared_ptr<Outstanding> outstanding_;
  kj::ForkedPromise<void> all_answered_;
  kj::Promise<void> end_;
};

}  // namespace qnpc::server
