// log_calls: making a log, for whoever may: an identity in its session, or anybody on an open
// server.
#pragma once

#include "schemas/rpc_error.h"
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

/// Of append, appendCommit and enqueue. Throws Reason::too_large.
template <class Params>
Bytes payload_in(Params params, const Foundation& foundation) {
  const capnp::Data::Reader payload = params.getPayload();
  if (payload.size() > foundation.limits.payload_bytes) {
    foundation.metrics.limits_hit[Limit::payload_kib].add();
  }
  return at_most(payload, foundation.limits.payload_bytes, "the payload");
}

/// Counts a log unless it is there already: the call may be one that is repeated.
inline kj::Promise<void> count_new(Store& store, const OwnerKey& maker, const LogId& log) {
  const uint64_t nothing_after = UINT64_MAX;
  return store.read_log(log, std::nullopt, nothing_after, 1)
      .then([](Page&&) -> kj::Promise<void> { return kj::READY_NOW; },
            [&store, maker](kj::Exception&& why) -> kj::Promise<void> {
              if (rpc::from_exception(why).reason() != Reason::not_found) return kj::mv(why);
              return store.count_log(maker);
            });
}

/// `maker` is nobody where there was no login.
template <class Context>
kj::Promise<void> create_log(const Foundation& foundation, const Peer& peer,
                             const std::optional<OwnerKey>& maker, Context context) {
  auto params = context.getParams();
  const LogId log = log_id(params.getLogId());
  const uint64_t epoch = possible_epoch(params.getEpoch());
  const auto token_hash = exactly<TokenHash>(params.getTokenHash(), "the token hash");
  foundation.access.count_stored(peer, 0);
  Store& store = foundation.store;
  kj::Promise<void> counted = maker ? count_new(store, *maker, log) : kj::READY_NOW;
  return counted.then([&store, log, epoch, token_hash] {
    return store.create_log(log, epoch, token_hash).ignoreResult();
  });
}

}  // namespace qnpc::server
