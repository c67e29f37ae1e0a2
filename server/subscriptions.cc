#include "server/subscriptions.h"

#include "server/kj_time.h"

namespace qnpc::server {
namespace {

uint64_t end_of(const Page& page) {
  return page.entries.empty() ? page.expired_through : page.entries.back().sequence;
}

}  // namespace

Subscriber::Subscriber(std::shared_ptr<Topic> topic, uint64_t after, kj::Own<Sink> sink,
                       std::shared_ptr<PushGate> pushes, kj::Timer& timer)
    : topic_(std::move(topic)),
      cursor_(after),
      sink_(kj::mv(sink)),
      pushes_(std::move(pushes)),
      place_(pushes_),
      timer_(timer),
      // A sink that fails wants no more. Its place is free when the peer drops the subscription.
      following_(
          kj::evalLater([this] { return follow(); }).eagerlyEvaluate([](kj::Exception&&) {})) {}

kj::Promise<void> Subscriber::follow() {
  return pushes_->run([this] { return push_next(); })
      .then([this]() -> kj::Promise<void> {
        if (at_end_) return topic_->when_rung(*at_end_);
        return kj::READY_NOW;
      })
      .then([this] { return follow(); });
}

kj::Promise<void> Subscriber::push_next() {
  at_end_ = std::nullopt;
  if (!has_room()) return wait_for_room();
  return topic_->read_after(cursor_).then(
      [this](Topic::News&& news) -> kj::Promise<void> {
        page_bytes_ = news.page ? payload_bytes(*news.page) : 0;
        if (!has_room()) return wait_for_room();
        room_wait_ = limits::room_retry;
        if (news.page) {
          page_bytes_ = 0;
          cursor_ = end_of(*news.page);
          return when_answered(sink_->push(*news.page));
        }
        if (!caught_up_) {
          caught_up_ = true;
          return when_answered(sink_->caught_up());
        }
        at_end_ = news.rings;
        return kj::READY_NOW;
      },
      [this](kj::Exception&&) { return timer_.afterDelay(to_kj(limits::read_retry)); });
}

bool Subscriber::has_room() const {
  try {
    pushes_->require_room(page_bytes_);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Who has filled it is stuck, and loses its connection for that; so does who never gets any.
kj::Promise<void> Subscriber::wait_for_room() {
  if (room_wait_ >= pushes_->stall()) {
    pushes_->stalled();
    return kj::NEVER_DONE;
  }
  return timer_.afterDelay(to_kj(std::exchange(room_wait_, 2 * room_wait_)));
}

kj::Promise<void> Subscriber::when_answered(kj::Promise<void> answer) {
  auto stalled = timer_.afterDelay(to_kj(pushes_->stall())).then([this]() -> kj::Promise<void> {
    pushes_->stalled();
    return kj::NEVER_DONE;
  });
  return answer.exclusiveJoin(kj::mv(stalled));
}

kj::Own<Subscriber> Subscriptions::subscribe(const QueueName& queue, uint64_t after,
                                             kj::Own<Sink> sink, std::shared_ptr<PushGate> pushes) {
  return kj::heap<Subscriber>(topic_of(queue), after, kj::mv(sink), std::move(pushes), timer_);
}

std::shared_ptr<Topic> Subscriptions::topic_of(const QueueName& queue) {
  std::weak_ptr<Topic>& known = (*topics_)[queue];
  std::shared_ptr<Topic> topic = known.lock();
  if (!topic) {
    topic = std::shared_ptr<Topic>(new Topic(store_, queue), [topics = topics_, queue](Topic* old) {
      // Unless a new one has its name already: then that one stays.
      auto found = topics->find(queue);
      if (found != topics->end() && found->second.expired()) topics->erase(found);
      delete old;
    });
    known = topic;
  }
  return topic;
}

}  // namespace qnpc::server
