// listener: one listening socket of one event loop: accepts, shakes hands, and serves each
// connection until it ends. What happens to one connection disturbs no other.
#pragma once

#include <capnp/capability.h>
#include <kj/async-io.h>

#include <functional>
#include <string>

#include "qnpc/noise/stream.h"
#include "server/admission.h"
#include "server/peer.h"

namespace qnpc::server {

class Listener final : private kj::TaskSet::ErrorHandler {
 public:
  /// Makes the service for one connection.
  using MakeService = std::function<capnp::Capability::Client(Peer)>;

  /// The references must outlive the listener. `service_name` is for the log.
  Listener(kj::LowLevelAsyncIoProvider& io, kj::AutoCloseFd socket, const noise::Endpoint& endpoint,
           Admission& admission, std::string service_name, MakeService make_service);
  KJ_DISALLOW_COPY(Listener);

  /// Accepts no more, and resolves when the connections have answered what is in flight.
  kj::Promise<void> stop();

 private:
  kj::Promise<void> accept();
  void admit(kj::Own<kj::AsyncIoStream> socket);
  kj::Promise<void> serve(kj::Own<kj::AsyncIoStream> socket, Admission::Place place);
  void taskFailed(kj::Exception&& exception) override;

  const noise::Endpoint endpoint_;
  Admission& admission_;
  const std::string service_name_;
  MakeService make_service_;
  kj::PromiseFulfillerPair<void> stop_pair_ = kj::newPromiseAndFulfiller<void>();
  kj::ForkedPromise<void> stopping_ = stop_pair_.promise.fork();
  bool accept_failed_ = false;
  kj::TaskSet connections_{*this};
  kj::Own<kj::ConnectionReceiver> receiver_;
  kj::Promise<void> accepting_;
};

}  // namespace qnpc::server
