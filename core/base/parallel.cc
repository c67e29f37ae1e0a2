#include "qnpc/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "qnpc/base/limits.h"

namespace qnpc {
namespace {

size_t threads_for(size_t count) {
  static const size_t cores = std::thread::hardware_concurrency();
  return std::min({cores, limits::parallel_threads, count / limits::parallel_pieces});
}

class Work {
 public:
  Work(size_t count, const std::function<void(size_t)>& body) : end_(count), body_(body) {}

  // Indices are given out in order, so that all before one that throws are run.
  void run() {
    for (size_t i = next_++; i < end_; i = next_++) {
      try {
        body_(i);
      } catch (...) {
        std::lock_guard lock(mutex_);
        if (i < end_) {
          end_ = i;
          error_ = std::current_exception();
        }
      }
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::atomic<size_t> next_{0};
  std::atomic<size_t> end_;  // nothing from here on is begun
  const std::function<void(size_t)>& body_;
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

void parallel_for(size_t count, const std::function<void(size_t)>& body) {
  Work work(count, body);
  {
    std::vector<std::jthread> helpers;
    size_t threads = threads_for(count);
    try {
      while (helpers.size() + 1 < threads) helpers.emplace_back([&] { work.run(); });
    } catch (const std::exception&) {
      // The system gives no further thread, or no memory for one (std::system_error, bad_alloc):
      // those that there are do the work.
    }
    work.run();
  }
  work.rethrow();
}

}  // namespace qnpc
