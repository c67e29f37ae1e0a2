// metrics_text: what is counted, as text in Prometheus' exposition format 0.0.4.
#pragma once

#include <string>

#include "server/metrics.h"

namespace qnpc::server {

/// What is counted elsewhere, or now.
struct Gauges {
  std::string version;
  size_t connections = 0;
  size_t handshakes = 0;
  size_t queued_writes = 0;
  size_t queued_reads = 0;
};

std::string metrics_text(const Metrics& metrics, const StoreMetrics& store, const Gauges& gauges);

}  // namespace qnpc::server
