// worker: a thread with an event loop that serves both services on sockets of its own.
#pragma once

#include <kj/io.h>

#include "qnpc/noise/suite.h"
#include "qnpc/noise/transport.h"
#include "server/admission.h"
#include "server/loop_thread.h"
#include "server/service.h"

namespace qnpc::server {

/// What all workers use together. All of it may be used from any thread and outlives them.
struct Shared {
  const Foundation foundation;
  Admission& admission;
  const noise::StaticKey& static_key;
  const noise::Suites suites;  // that clients may speak
};

struct Sockets {
  kj::AutoCloseFd authentication;
  kj::AutoCloseFd delivery;
};

class Worker {
 public:
  /// Serves when it is constructed. Throws kj::Exception where there is no room for another loop.
  Worker(const Shared& shared, Sockets sockets);
  /// Asks it to accept no more, and to end when what is in flight is answered or limits::shutdown
  /// has passed. Repeating it changes nothing; the destructor does it too, and waits.
  void stop() { thread_.stop(); }

 private:
  void run(Sockets& sockets, kj::AsyncIoContext& io, const std::function<void()>& ready,
           kj::Promise<void> stop);
  kj::Promise<void> expire_for_ever(kj::Timer& timer);

  const Shared shared_;
  LoopThread thread_;
};

}  // namespace qnpc::server
