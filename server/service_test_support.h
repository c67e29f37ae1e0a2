// service_test_support: what stands under a service in its unit tests.
#pragma once

#include "server/service.h"
#include "server/store/model_store.h"

namespace qnpc::server {

/// An open server unless a test says otherwise. Its time stands still.
struct TestFoundation {
  explicit TestFoundation(const AccessPolicy& policy = {.open_calls = true})
      : access(store, policy, metrics, [] { return std::chrono::steady_clock::time_point(); }) {}
  operator Foundation() {  // NOLINT: as it is
    return {store, access, description, limits, metrics, memory};
  }

  Peer peer() {
    ConnectionBounds bounds{limits, metrics, memory, "a host"};
    return {std::make_shared<CallGate>(bounds), {}, bounds.host};
  }

  ConnectionLimits limits;
  Metrics metrics;
  MessageMemory memory{server::limits::message_memory, metrics};
  ModelStore store{StoreLimits{}};
  Access access;
  Description description{"1.2.3", 7001, true};
};

}  // namespace qnpc::server
