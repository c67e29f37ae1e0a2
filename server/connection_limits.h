// connection_limits: what one connection may do and how long it may take, as the operator chooses
// it. limits.h has the reasons.
#pragma once

#include "qnpc/base/limits.h"
#include "server/limits.h"
#include "server/message_memory.h"

namespace qnpc::server {

struct ConnectionLimits {
  std::chrono::seconds handshake = qnpc::limits::noise_handshake_time;
  std::chrono::seconds login = limits::login_time;
  std::chrono::minutes idle = limits::connection_idle;
  /// For which the peer may take no output, or leave a push unanswered.
  std::chrono::seconds stall = limits::push_stall;
  size_t calls_in_flight = limits::calls_in_flight;
  size_t subscriptions = limits::subscriptions;
  size_t payload_bytes = limits::payload_bytes;
  size_t pending_output = limits::pending_output;
};

/// What one connection is held to, and where that is counted. The references outlive it.
struct ConnectionBounds {
  const ConnectionLimits& limits;
  Metrics& metrics;
  MessageMemory& memory;
  std::string host;  // see host_of()
};

}  // namespace qnpc::server
