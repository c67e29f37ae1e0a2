// connection: one Cap'n Proto connection over Noise to one of the two services.
#pragma once

#include <capnp/rpc-twoparty.h>

#include <functional>
#include <string>

#include "client/network.h"
#include "qnpc/noise/stream_rpc.h"

namespace qnpc::client {

/// Looks at a server's static key before anything is said to it; throws Error to refuse.
using CheckServerKey = std::function<void(const noise::PublicKey&)>;

class Connection {
 public:
  /// Connects to "host:port". Throws ServerError where nobody answers, Reason::handshake_failed
  /// where who answers does not speak our protocol, Reason::unsupported where it does not accept
  /// our suite, or what `check` throws.
  Connection(Network& network, const std::string& address, const CheckServerKey& check);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  /// Says goodbye, so that the server knows that nothing was cut off.
  ~Connection();

  template <class Service>
  typename Service::Client service() {
    capnp::word scratch[4]{};
    capnp::MallocMessageBuilder message(scratch);
    auto id = message.initRoot<capnp::rpc::twoparty::VatId>();
    id.setSide(capnp::rpc::twoparty::Side::SERVER);
    return rpc_->bootstrap(id).template castAs<Service>();
  }
  Network& network() { return network_; }
  /// Resolves when the connection has ended, whoever ended it.
  kj::Promise<void> on_disconnect() {
    return vat_->onDisconnect().catch_([](kj::Exception&&) {});
  }
  const std::string& address() const { return address_; }
  const noise::PublicKey& server_key() const { return stream_->remote_static(); }
  /// What a login signs.
  View handshake_hash() const { return stream_->handshake_hash(); }
  const noise::Agreement& agreement() const { return stream_->agreement(); }

 private:
  kj::Own<noise::NoiseStream> open(const CheckServerKey& check);

  Network& network_;
  std::string address_;
  kj::Own<noise::NoiseStream> stream_;
  noise::RpcStream messages_;
  kj::Own<capnp::TwoPartyVatNetwork> vat_;
  kj::Own<capnp::RpcSystem<capnp::rpc::twoparty::VatId>> rpc_;
};

}  // namespace qnpc::client
