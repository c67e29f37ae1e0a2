// metrics: what an operator wants to know of a running server, counted where it happens. Any thread
// counts without waiting for another. docs/operating.md explains the numbers.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "qnpc/base/error.h"

namespace qnpc::server {

class Counter {
 public:
  void add(uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  void set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

/// One for each value of an enum up to `last`.
template <class Enum, Enum last>
class CounterFor {
 public:
  static constexpr size_t size = static_cast<size_t>(last) + 1;
  Counter& operator[](Enum value) { return counters_[static_cast<size_t>(value)]; }
  const Counter& operator[](Enum value) const { return counters_[static_cast<size_t>(value)]; }

 private:
  std::array<Counter, size> counters_;
};

using CounterForReason = CounterFor<Reason, Reason::internal>;

/// How long something took: how often at most so long, for each of some bounds.
class Histogram {
 public:
  // From a fast disk's sync to one that keeps everybody waiting.
  static constexpr std::array<double, 9> bounds{0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                0.05,   0.1,   0.5,    2.5};
  void observe(std::chrono::nanoseconds time);
  /// Of those that took at most bounds[i], and not bounds[i - 1]; the last is of all longer ones.
  uint64_t count(size_t i) const { return counts_[i].value(); }
  double sum() const { return static_cast<double>(nanoseconds_.value()) * 1e-9; }

 private:
  std::array<Counter, bounds.size() + 1> counts_;
  Counter nanoseconds_;
};

/// The calls of both services.
enum class CallKind {
  exchange,
  describe,
  login,
  upload_key_package,
  count_key_packages,
  fetch_key_package,
  drop_key_packages,
  set_delivery_token,
  enqueue,
  fetch,
  read,
  acknowledge,
  subscribe,
  create_log,
  append,
  append_commit,
  read_log,
  subscribe_log,
};
/// As it stands above.
std::string_view name(CallKind kind);

/// What somebody was refused or shown out for, by the name of the setting that changes it where
/// there is one.
enum class Limit {
  connections,
  connections_per_address,
  handshakes,
  handshake_seconds,
  login_seconds,
  idle_minutes,
  stall_seconds,
  calls_in_flight,
  large_answers,
  pending_output_mib,
  message_memory_mib,
  message_shape,
  payload_kib,
  subscriptions,
  database_mib,
  inbox_entries,
  inbox_mib,
  group_log_entries,
  group_log_mib,
  logs_per_identity,
  key_packages,
  handshakes_rate,
  logins_rate,
  admissions_rate,
  claims_rate,
  claims_of_one_rate,
  claims_of_pair_rate,
  logs_rate,
  changes_rate,
  deliveries_rate,
  refusals_rate,
  stored_rate,
};
std::string_view name(Limit limit);
using CounterForLimit = CounterFor<Limit, Limit::stored_rate>;

struct Metrics {
  Counter connections;                 // accepted
  Counter handshakes;                  // finished
  CounterForReason failed_handshakes;  // why not
  CounterForReason lost_connections;   // after the handshake, and not in good order
  CounterFor<CallKind, CallKind::subscribe_log> calls;  // answered as asked
  std::array<CounterForReason, decltype(calls)::size> refused_calls;
  Counter lost_commits;  // answered as asked, that another had ended the epoch
  CounterForLimit limits_hit;

  CounterForReason& refused(CallKind kind) { return refused_calls[static_cast<size_t>(kind)]; }
};

/// Of the store, which counts by itself.
struct StoreMetrics {
  Histogram commit_time;  // of a transaction
  Counter writes;         // in all transactions together
  Counter database_bytes;
  CounterForLimit limits_hit;
};

}  // namespace qnpc::server
