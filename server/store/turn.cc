#include "server/store/turn.h"

namespace qnpc::server {

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

void Turn::end() {
  if (ended_) return;
  ended_ = true;
  for (auto& refused : queue_->push_all(std::move(writes_))) {
    refused->failed(Error(Reason::overloaded, "too many requests are waiting for the disk"));
  }
}

}  // namespace qnpc::server
