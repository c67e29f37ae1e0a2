#include "qnpc/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "qnpc/base/limits.h"

namespace qnpc {
namespace {

size_t threads_for(size_t count) {
  static const size_t cores = std::thread::hardware_concurrency();
  return std::min({cores, limits::parallel_threads, count / limits::parallel_pieces});
}

}  // namespace

// Shared with the helpers, which are not waited for once their pieces are done: a thread takes
// longer to end than a piece to do.
class ParallelWork::State {
 public:
  State(size_t count, std::function<void(size_t)> body)
      : body_(std::move(body)), end_(count), done_(count) {}

  void run(size_t end) {
    while (std::optional<size_t> i = begin(end)) {
      try {
        body_(*i);
      } catch (...) {
        std::lock_guard lock(mutex_);
        if (*i < end_) {
          end_ = *i;
          error_ = std::current_exception();
        }
      }
      done_[*i] = true;
      done_[*i].notify_all();
    }
  }

  // After run(end): what is before `end` and did not begin comes after an error.
  void wait(size_t end) {
    for (size_t i = all_done_before_; i < std::min<size_t>(end, next_); ++i) {
      done_[i].wait(false);
      all_done_before_ = i + 1;
    }
    std::lock_guard lock(mutex_);
    if (end_ < end && error_) std::rethrow_exception(error_);
  }

  // Takes what nobody has begun, and leaves it.
  void give_up() {
    size_t begun = next_.exchange(done_.size());
    for (size_t i = 0; i < begun; ++i) done_[i].wait(false);
  }

 private:
  // Indices are given out in order, so that all before one that throws are run.
  std::optional<size_t> begin(size_t end) {
    size_t i = next_;
    while (i < std::min<size_t>(end, end_)) {
      if (next_.compare_exchange_weak(i, i + 1)) return i;
    }
    return std::nullopt;
  }

  const std::function<void(size_t)> body_;  // its captures may be gone when all is done
  std::atomic<size_t> next_{0};
  std::atomic<size_t> end_;  // nothing from here on is begun
  std::vector<std::atomic<bool>> done_;
  std::atomic<size_t> all_done_before_{0};  // at least
  std::mutex mutex_;
  std::exception_ptr error_;
};

ParallelWork::ParallelWork(size_t count, std::function<void(size_t)> body)
    : state_(std::make_shared<State>(count, std::move(body))) {
  try {
    for (size_t threads = 1; threads < threads_for(count); ++threads) {
      std::thread([state = state_, count] { state->run(count); }).detach();
    }
  } catch (const std::exception&) {
    // The system gives no further thread, or no memory for one (std::system_error, bad_alloc):
    // those that there are do the work.
  }
}

ParallelWork::~ParallelWork() { state_->give_up(); }

void ParallelWork::help(size_t end) { state_->run(end); }

void ParallelWork::finish(size_t end) {
  state_->run(end);
  state_->wait(end);
}

void parallel_for(size_t count, const std::function<void(size_t)>& body) {
  ParallelWork(count, body).finish(count);
}

}  // namespace qnpc
