// job_queue: a bounded queue from the event loops to the threads of the store.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include "qnpc/base/error.h"

namespace qnpc::server {

/// `Job` has a member `bytes`: what it holds in memory while it waits.
template <class Job>
class JobQueue {
 public:
  JobQueue(size_t max_jobs, size_t max_bytes) : max_jobs_(max_jobs), max_bytes_(max_bytes) {}

  /// Throws Reason::overloaded where the queue is full.
  void push(std::unique_ptr<Job> job) {
    {
      std::lock_guard lock(mutex_);
      if (jobs_.size() >= max_jobs_ || bytes_ + job->bytes > max_bytes_) {
        throw Error(Reason::overloaded, "too many requests are waiting for the disk");
      }
      bytes_ += job->bytes;
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

  /// Waits for a job. Null when the queue was closed and is empty.
  std::unique_ptr<Job> wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !jobs_.empty(); });
    return pop();
  }

  /// Null when there is none at the moment.
  std::unique_ptr<Job> try_next() {
    std::lock_guard lock(mutex_);
    return pop();
  }

  /// What is in the queue is still given out.
  void close() {
    {
      std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

 private:
  std::unique_ptr<Job> pop() {
    if (jobs_.empty()) return nullptr;
    std::unique_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    bytes_ -= job->bytes;
    return job;
  }

  const size_t max_jobs_;
  const size_t max_bytes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace qnpc::server
