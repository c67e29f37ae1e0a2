// noise_client: a Cap'n Proto client over a Noise channel, for tests and benchmarks.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <string>

#include "qnpc/crypto/system_random.h"
#include "qnpc/noise/stream.h"

namespace qnpc::test {

inline kj::Own<noise::NoiseStream> connect_noise(kj::AsyncIoContext& io, const std::string& address,
                                                 const std::string& server_key) {
  static crypto::SystemRandom random;
  static const noise::StaticKey static_key = crypto::generate_x25519_key(random);
  noise::Endpoint endpoint{static_key, random, io.provider->getTimer()};
  auto socket = io.provider->getNetwork()
                    .parseAddress(address.c_str())
                    .wait(io.waitScope)
                    ->connect()
                    .wait(io.waitScope);
  return noise::connect(kj::mv(socket), endpoint,
                        [server_key](const noise::PublicKey& key) {
                          if (to_hex(key) != server_key) {
                            throw Error(Reason::pin_mismatch, "another server answered");
                          }
                        })
      .wait(io.waitScope);
}

/// One connection and its service.
template <class Service>
class NoiseClient {
 public:
  NoiseClient(kj::AsyncIoContext& io, const std::string& address, const std::string& server_key)
      : stream_(connect_noise(io, address, server_key)),
        client_(*stream_),
        service(client_.bootstrap().castAs<Service>()) {}

  const noise::HandshakeHash& handshake_hash() const { return stream_->handshake_hash(); }

 private:
  kj::Own<noise::NoiseStream> stream_;
  capnp::TwoPartyClient client_;

 public:
  typename Service::Client service;
};

}  // namespace qnpc::test
