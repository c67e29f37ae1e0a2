// job_queue: a bounded queue from the event loops to the threads of the store.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

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
      if (!has_room_for(*job)) {
        throw Error(Reason::overloaded, "too many requests are waiting for the disk");
      }
      add(std::move(job));
    }
    changed_.notify_one();
  }

  /// Nobody sees some of them without the others. Gives back those for which there is no room.
  std::vector<std::unique_ptr<Job>> push_all(std::vector<std::unique_ptr<Job>> jobs) {
    std::vector<std::unique_ptr<Job>> refused;
    {
      std::lock_guard lock(mutex_);
      for (auto& job : jobs) {
        if (has_room_for(*job)) {
          add(std::move(job));
        } else {
          refused.push_back(std::move(job));
        }
      }
    }
    changed_.notify_one();
    return refused;
  }

  /// Waits for a job. Null when the queue was closed and is empty.
  std::unique_ptr<Job> wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !jobs_.empty(); });
    return pop();
  }

  /// Waits for a job until then. Null where none came, or the queue was closed and is empty.
  std::unique_ptr<Job> wait_until(std::chrono::steady_clock::time_point end) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, end, [&] { return closed_ || !jobs_.empty(); });
    return pop();
  }

  /// Null when there is none at the moment.
  std::unique_ptr<Job> try_next() {
    std::lock_guard lock(mutex_);
    return pop();
  }

  size_t size() const {
    std::lock_guard lock(mutex_);
    return jobs_.size();
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
  bool has_room_for(const Job& job) const {
    return !closed_ && jobs_.size() < max_jobs_ && bytes_ + job.bytes <= max_bytes_;
  }
  void add(std::unique_ptr<Job> job) {
    bytes_ += job->bytes;
    jobs_.push_back(std::move(job));
  }
  std::unique_ptr<Job> pop() {
    if (jobs_.empty()) return nullptr;
    std::unique_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    bytes_ -= job->bytes;
    return job;
  }

  const size_t max_jobs_;
  const size_t max_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace qnpc::server
