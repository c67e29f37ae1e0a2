// subscriptions: who in one event loop is sent what is appended to the queues. A subscriber has one
// page on its way at most, and gets the next one when that was answered: one that is slow or dead
// holds no more memory, and delays nobody.
#pragma once

#include <kj/timer.h>

#include "server/push_gate.h"
#include "server/topic.h"

namespace qnpc::server {

/// The peer's end of a subscription. A promise that fails ends it.
class Sink {
 public:
  virtual ~Sink() noexcept(false) = default;
  /// The page has been copied when this returns.
  virtual kj::Promise<void> push(const Page& page) = 0;
  virtual kj::Promise<void> caught_up() = 0;
};

/// One subscription. Ends when it is destroyed.
class Subscriber {
 public:
  Subscriber(std::shared_ptr<Topic> topic, uint64_t after, kj::Own<Sink> sink,
             std::shared_ptr<PushGate> pushes, kj::Timer& timer);
  KJ_DISALLOW_COPY(Subscriber);

 private:
  kj::Promise<void> follow();
  kj::Promise<void> push_next();
  bool has_room() const;
  kj::Promise<void> wait_for_room();
  kj::Promise<void> when_answered(kj::Promise<void> answer);

  std::shared_ptr<Topic> topic_;
  uint64_t cursor_;
  kj::Own<Sink> sink_;
  std::shared_ptr<PushGate> pushes_;
  PushGate::Place place_;
  kj::Timer& timer_;
  bool caught_up_ = false;
  // Of the page that had no room when it was read: it is read again when it has, since reading it
  // costs us as much as pushing it. Else 0.
  size_t page_bytes_ = 0;
  std::chrono::milliseconds room_wait_ = limits::room_retry;
  std::optional<uint64_t> at_end_;  // rings of the topic when nothing was left to push
  kj::Promise<void> following_;
};

class Subscriptions {
 public:
  /// The references must outlive this and the subscribers.
  Subscriptions(Store& store, kj::Timer& timer) : store_(store), timer_(timer) {}
  KJ_DISALLOW_COPY(Subscriptions);

  /// Throws Reason::overloaded where the connection has too many.
  kj::Own<Subscriber> subscribe(const QueueName& queue, uint64_t after, kj::Own<Sink> sink,
                                std::shared_ptr<PushGate> pushes);

 private:
  std::shared_ptr<Topic> topic_of(const QueueName& queue);

  Store& store_;
  kj::Timer& timer_;
  // Outlives this with the last topic, which takes its name out of it.
  std::shared_ptr<std::map<QueueName, std::weak_ptr<Topic>>> topics_ =
      std::make_shared<std::map<QueueName, std::weak_ptr<Topic>>>();
};

}  // namespace qnpc::server
