// peer: what a service knows of the connection that it serves.
#pragma once

#include <memory>
#include <string>

#include "qnpc/noise/transport.h"
#include "server/call_gate.h"

namespace qnpc::server {

struct Peer {
  std::shared_ptr<CallGate> calls;
  noise::HandshakeHash handshake_hash{};  // what a login signs
  std::string host;                       // what counts as one address: see host_of()
};

}  // namespace qnpc::server
