#include "server/store/turn.h"

#include "qnpc/base/limits.h"
#include "server/kj_time.h"

namespace qnpc::server {
namespace {

thread_local kj::Timer* timer_of_loop = nullptr;

}  // namespace

TurnTimer::TurnTimer(kj::Timer& timer) { timer_of_loop = &timer; }
TurnTimer::~TurnTimer() { timer_of_loop = nullptr; }

std::shared_ptr<Turn> Turn::current(const std::shared_ptr<WriteQueue>& queue) {
  // Weak: a turn lives as long as somebody waits for it, and never longer than its loop.
  static thread_local std::weak_ptr<Turn> latest;
  std::shared_ptr<Turn> turn = latest.lock();
  if (!turn || turn->ended_ || turn->queue_ != queue) {
    turn = std::make_shared<Turn>(queue, kj::newPromiseAndCrossThreadFulfiller<void>());
    latest = turn;
  }
  return turn;
}

void Turn::add(std::unique_ptr<Write> write) {
  outstanding_->one_more();
  bytes_ += write->bytes;
  writes_.push_back(std::move(write));
  if (writes_.size() >= limits::turn_writes || bytes_ >= limits::turn_bytes) end();
}

kj::Promise<void> Turn::when_over() {
  auto queue_is_empty = kj::evalLast([] {});
  if (!timer_of_loop) return queue_is_empty;
  return queue_is_empty.exclusiveJoin(timer_of_loop->afterDelay(to_kj(qnpc::limits::longest_turn)));
}

void Turn::end() {
  if (ended_) return;
  ended_ = true;
  for (auto& refused : queue_->push_all(std::move(writes_))) {
    refused->failed(Error(Reason::overloaded, "too many requests are waiting for the disk"));
  }
}

}  // namespace qnpc::server
