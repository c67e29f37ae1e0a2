// envelope_exchange: the call that both services answer, schemas/envelope.capnp.
#pragma once

#include "schemas/envelope.capnp.h"

namespace qnpc::server {

using ExchangeContext = capnp::CallContext<rpc::EnvelopeExchange::ExchangeParams,
                                           rpc::EnvelopeExchange::ExchangeResults>;

/// Answers a ping with a pong. Throws `unsupported` for other types, `too_large` for long pings.
kj::Promise<void> exchange_envelope(ExchangeContext context);

}  // namespace qnpc::server
