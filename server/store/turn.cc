#include "server/store/turn.h"

namespace qnpc::server {

std::shared_ptr<Turn> Turn::current() {
  // Weak: a turn lives as long as somebody waits for it, and never longer than its loop.
  static thread_local std::weak_ptr<Turn> latest;
  std::shared_ptr<Turn> turn = latest.lock();
  if (!turn || turn->ended_) {
    turn = std::make_shared<Turn>(kj::newPromiseAndCrossThreadFulfiller<void>());
    latest = turn;
  }
  return turn;
}

void Turn::end() {
  ended_ = true;
  outstanding_->finish_one();
}

}  // namespace qnpc::server
