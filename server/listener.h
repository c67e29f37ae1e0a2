// listener: one listening socket of one event loop: accepts, shakes hands, and serves each
// connection until it ends. What happens to one connection disturbs no other.
#pragma once

#include <capnp/capability.h>
#include <kj/async-io.h>

#include <functional>
#include <string>

#include "qnpc/noise/stream.h"
#include "server/admission.h"
#include "server/service.h"

namespace qnpc::server {

/// What a listener gives to whoever connects.
struct ListenerService {
  /// Makes the service for one connection.
  using Make = std::function<capnp::Capability::Client(Peer)>;

  std::string name;        // for the log
  uint64_t message_words;  // that one message to it may have
  Make make;
};

class Listener final : private kj::TaskSet::ErrorHandler {
 public:
  /// The references must outlive the listener.
  Listener(kj::LowLevelAsyncIoProvider& io, kj::AutoCloseFd socket, const noise::Endpoint& endpoint,
           Admission& admission, const Foundation& foundation, ListenerService service);
  KJ_DISALLOW_COPY(Listener);

  /// Accepts no more, and resolves when the connections have answered what is in flight.
  kj::Promise<void> stop();

 private:
  kj::Promise<void> accept();
  void admit(kj::Own<kj::AsyncIoStream> socket);
  kj::Promise<void> serve(kj::Own<kj::AsyncIoStream> socket, Admission::Place place);
  kj::Promise<void> when_over(const Admission::Place& place, CallGate& calls);
  kj::Promise<kj::Own<noise::NoiseStream>> shake_hands(kj::Own<kj::AsyncIoStream> socket);
  void taskFailed(kj::Exception&& exception) override;

  const noise::Endpoint endpoint_;
  Admission& admission_;
  const Foundation foundation_;
  ListenerService service_;
  kj::PromiseFulfillerPair<void> stop_pair_ = kj::newPromiseAndFulfiller<void>();
  kj::ForkedPromise<void> stopping_ = stop_pair_.promise.fork();
  bool accept_failed_ = false;
  kj::TaskSet connections_{*this};
  kj::Own<kj::ConnectionReceiver> receiver_;
  kj::Promise<void> accepting_;
};

}  // namespace qnpc::server
