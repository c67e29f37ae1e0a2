#include "server/loop_thread.h"

#include <future>

namespace qnpc::server {

LoopThread::LoopThread(Body body) {
  std::promise<void> ready;
  std::future<void> started = ready.get_future();
  thread_ = std::thread([this, body = std::move(body), ready = std::move(ready)]() mutable {
    bool is_ready = false;
    try {
      kj::AsyncIoContext io = kj::setupAsyncIo();
      auto stop = kj::newPromiseAndCrossThreadFulfiller<void>();
      stop_ = kj::mv(stop.fulfiller);
      auto when_ready = [&] {
        is_ready = true;
        ready.set_value();
      };
      body(io, when_ready, kj::mv(stop.promise));
    } catch (...) {
      if (is_ready) throw;  // a bug, and it must not be silent
      ready.set_exception(std::current_exception());
    }
  });
  try {
    started.get();
  } catch (...) {
    thread_.join();
    throw;
  }
}

LoopThread::~LoopThread() {
  stop();
  thread_.join();
}

}  // namespace qnpc::server
