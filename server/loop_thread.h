// loop_thread: an event loop in a thread of its own, until it is told to stop.
#pragma once

#include <kj/async-io.h>

#include <functional>
#include <thread>

namespace qnpc::server {

class LoopThread {
 public:
  /// Runs in the thread: makes what it needs, calls `ready`, waits for `stop`, ends in good order.
  using Body = std::function<void(kj::AsyncIoContext& io, const std::function<void()>& ready,
                                  kj::Promise<void> stop)>;

  /// Returns when the body is ready. Throws what the body throws before that, and kj::Exception
  /// where there is no room for another loop. What it throws later ends the process.
  explicit LoopThread(Body body);
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;
  /// Asks it to stop, and waits for that.
  ~LoopThread();
  /// Fulfils `stop`. Repeating it changes nothing.
  void stop() { stop_->fulfill(); }

 private:
  kj::Own<kj::CrossThreadPromiseFulfiller<void>> stop_;
  std::thread thread_;
};

}  // namespace qnpc::server
