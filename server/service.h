// service: what both services share: what they stand on, and the calls of schemas/envelope.capnp.
#pragma once

#include "schemas/envelope.capnp.h"
#include "server/access.h"
#include "server/connection_limits.h"

namespace qnpc::server {

/// What a server tells about itself.
struct Description {
  std::string version;
  uint16_t delivery_port = 0;
  bool requires_hybrid = false;
};

/// The same for all connections, and outlives them.
struct Foundation {
  Store& store;
  Access& access;
  const Description& description;
  const ConnectionLimits& limits;
  Metrics& metrics;
  MessageMemory& memory;
};

using ExchangeContext = capnp::CallContext<rpc::EnvelopeExchange::ExchangeParams,
                                           rpc::EnvelopeExchange::ExchangeResults>;
using DescribeContext = capnp::CallContext<rpc::EnvelopeExchange::DescribeParams,
                                           rpc::EnvelopeExchange::DescribeResults>;

/// Answers a ping with a pong. Throws `unsupported` for other types, `too_large` for long pings.
kj::Promise<void> exchange_envelope(ExchangeContext context);
kj::Promise<void> describe(DescribeContext context, const Foundation& foundation);

}  // namespace qnpc::server
