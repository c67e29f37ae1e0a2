#include "server/store/doorbells.h"

#include <utility>

namespace qnpc::server {
namespace {

/// One who waits, as long as the promise lives.
class Waiter {
 public:
  Waiter(kj::PromiseFulfiller<void>& promise, std::shared_ptr<BellWaiters> waiters,
         const QueueName& queue)
      : promise_(promise), waiters_(std::move(waiters)), queue_(queue) {
    waiters_->add(queue_, promise_);
  }
  KJ_DISALLOW_COPY(Waiter);
  ~Waiter() { waiters_->remove(queue_, promise_); }

 private:
  kj::PromiseFulfiller<void>& promise_;
  std::shared_ptr<BellWaiters> waiters_;
  const QueueName queue_;
};

}  // namespace

void Bell::watch(const QueueName& queue) {
  std::lock_guard lock(mutex_);
  watched_.insert(queue);
}

void Bell::unwatch(const QueueName& queue) {
  std::lock_guard lock(mutex_);
  watched_.erase(queue);
}

void Bell::ring(const std::vector<QueueName>& queues) {
  std::lock_guard lock(mutex_);
  for (const QueueName& queue : queues) {
    if (watched_.contains(queue)) rung_.insert(queue);
  }
  wake_if_rung();
}

void Bell::wake_by(kj::Own<kj::CrossThreadPromiseFulfiller<void>> loop) {
  std::lock_guard lock(mutex_);
  loop_ = kj::mv(loop);
  wake_if_rung();
}

void Bell::wake_if_rung() {
  if (rung_.empty()) return;
  KJ_IF_MAYBE (loop, loop_) (*loop)->fulfill();
  loop_ = nullptr;
}

std::set<QueueName> Bell::take_rung() {
  std::lock_guard lock(mutex_);
  return std::exchange(rung_, {});
}

void BellWaiters::add(const QueueName& queue, kj::PromiseFulfiller<void>& waiter) {
  auto& waiters = waiters_[queue];
  if (waiters.empty()) bell_->watch(queue);
  waiters.insert(&waiter);
}

void BellWaiters::remove(const QueueName& queue, kj::PromiseFulfiller<void>& waiter) {
  auto found = waiters_.find(queue);
  if (found == waiters_.end() || found->second.erase(&waiter) == 0) return;
  if (!found->second.empty()) return;
  waiters_.erase(found);
  bell_->unwatch(queue);
}

kj::Promise<void> BellWaiters::listen() {
  auto wake = kj::newPromiseAndCrossThreadFulfiller<void>();
  bell_->wake_by(kj::mv(wake.fulfiller));
  return wake.promise.then([this] {
    for (const QueueName& queue : bell_->take_rung()) {
      auto found = waiters_.find(queue);
      if (found == waiters_.end()) continue;
      for (kj::PromiseFulfiller<void>* waiter : found->second) waiter->fulfill();
      waiters_.erase(found);
      bell_->unwatch(queue);
    }
    return listen();
  });
}

kj::Promise<void> Doorbells::wait(const QueueName& queue) {
  return kj::newAdaptedPromise<void, Waiter>(waiters_of_this_loop(), queue);
}

void Doorbells::ring(const std::vector<QueueName>& queues) {
  if (queues.empty()) return;
  std::lock_guard lock(mutex_);
  for (auto& [thread, loop] : loops_) {
    if (auto bell = loop.bell.lock()) bell->ring(queues);
  }
}

/// They live as long as somebody waits, and so never longer than their loop.
std::shared_ptr<BellWaiters> Doorbells::waiters_of_this_loop() {
  std::lock_guard lock(mutex_);
  Loop& loop = loops_[std::this_thread::get_id()];
  std::shared_ptr<BellWaiters> waiters = loop.waiters.lock();
  if (!waiters) {
    waiters = std::make_shared<BellWaiters>();
    loop = {waiters, waiters->bell()};
  }
  return waiters;
}

}  // namespace qnpc::server
