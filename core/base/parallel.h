// parallel: independent pieces of work on all cores, with a result that does not depend on how many
// there are. What a piece needs of randomness is drawn before, in order.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace qnpc {

/// body(0) to body(count - 1), which other threads begin in this order while the caller does
/// something else. `body` is called from several threads where `count` is worth them: pieces are
/// expected to take tens of microseconds each.
class ParallelWork {
 public:
  ParallelWork(size_t count, std::function<void(size_t)> body);
  /// Waits for the pieces that have begun; those that have not are never done.
  ~ParallelWork();
  ParallelWork(const ParallelWork&) = delete;
  ParallelWork& operator=(const ParallelWork&) = delete;

  /// Does pieces in this thread too until none before `end` is left to begin.
  void help(size_t end);
  /// Returns when body(0) to body(end - 1) are done, and helps with them. May be called from
  /// several threads. Throws what the first of
  /// all pieces in order threw, if it is one of these; all before it have run then, and of those
  /// after it some may have.
  void finish(size_t end);

 private:
  class State;
  std::shared_ptr<State> state_;
};

/// All of the work at once.
void parallel_for(size_t count, const std::function<void(size_t)>& body);

}  // namespace qnpc
