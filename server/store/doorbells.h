// doorbells: the writer's thread tells the event loops that something was appended to a queue they
// watch. As with turn.h, waking a loop is dear: it is woken once for all queues of a commit.
#pragma once

#include <kj/async.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "server/store/store.h"

namespace qnpc::server {

/// The bell of one event loop, as the writer's thread sees it.
class Bell {
 public:
  void watch(const QueueName& queue);
  void unwatch(const QueueName& queue);
  /// Wakes the loop where one of the queues is watched.
  void ring(const std::vector<QueueName>& queues);
  /// From now on `loop` is woken, once: at once where something has rung since the last time.
  void wake_by(kj::Own<kj::CrossThreadPromiseFulfiller<void>> loop);
  std::set<QueueName> take_rung();

 private:
  void wake_if_rung();

  std::mutex mutex_;
  std::set<QueueName> watched_;
  std::set<QueueName> rung_;
  kj::Maybe<kj::Own<kj::CrossThreadPromiseFulfiller<void>>> loop_;
};

/// Those who wait in one event loop; it stays in the loop's thread.
class BellWaiters {
 public:
  BellWaiters() : listening_(listen().eagerlyEvaluate(nullptr)) {}
  KJ_DISALLOW_COPY(BellWaiters);

  void add(const QueueName& queue, kj::PromiseFulfiller<void>& waiter);
  void remove(const QueueName& queue, kj::PromiseFulfiller<void>& waiter);
  const std::shared_ptr<Bell>& bell() const { return bell_; }

 private:
  kj::Promise<void> listen();

  std::shared_ptr<Bell> bell_ = std::make_shared<Bell>();
  std::map<QueueName, std::set<kj::PromiseFulfiller<void>*>> waiters_;
  kj::Promise<void> listening_;
};

class Doorbells {
 public:
  /// Called in an event loop. Resolves at the next ring of the queue.
  kj::Promise<void> wait(const QueueName& queue);
  /// Called from any thread.
  void ring(const std::vector<QueueName>& queues);

 private:
  std::shared_ptr<BellWaiters> waiters_of_this_loop();

  struct Loop {
    std::weak_ptr<BellWaiters> waiters;  // touched in its own thread alone
    std::weak_ptr<Bell> bell;
  };
  std::mutex mutex_;
  std::map<std::thread::id, Loop> loops_;
};

}  // namespace qnpc::server
