// log_calls: making a log, for whoever may: an identity in its session, or anybody on an open
// server.
#pragma once

#include "server/limits.h"
#include "server/parameters.h"
#include "server/service.h"

namespace qnpc::server {

inline LogId log_id(capnp::Data::Reader data) { return exactly<LogId>(data, "the log id"); }

/// Throws Reason::malformed for one that has no next.
inline uint64_t possible_epoch(uint64_t epoch) {
  if (epoch > limits::log_largest_epoch) throw Error(Reason::malformed, "the epoch is too large");
  return epoch;
}

template <class Context>
kj::Promise<void> create_log(const Foundation& foundation, const Peer& peer, Context context) {
  auto params = context.getParams();
  auto token_hash = exactly<TokenHash>(params.getTokenHash(), "the token hash");
  foundation.access.count_stored(peer, 0);
  return foundation.store
      .create_log(log_id(params.getLogId()), possible_epoch(params.getEpoch()), token_hash)
      .ignoreResult();
}

}  // namespace qnpc::server
