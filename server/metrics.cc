#include "server/metrics.h"

#include <algorithm>

namespace qnpc::server {

void Histogram::observe(std::chrono::nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  const auto bound = std::ranges::lower_bound(bounds, seconds);
  counts_[static_cast<size_t>(bound - bounds.begin())].add();
  nanoseconds_.add(static_cast<uint64_t>(time.count()));
}

std::string_view name(CallKind kind) {
  switch (kind) {
    case CallKind::exchange: return "exchange";
    case CallKind::describe: return "describe";
    case CallKind::login: return "login";
    case CallKind::upload_key_package: return "upload_key_package";
    case CallKind::count_key_packages: return "count_key_packages";
    case CallKind::fetch_key_package: return "fetch_key_package";
    case CallKind::drop_key_packages: return "drop_key_packages";
    case CallKind::set_delivery_token: return "set_delivery_token";
    case CallKind::enqueue: return "enqueue";
    case CallKind::fetch: return "fetch";
    case CallKind::read: return "read";
    case CallKind::acknowledge: return "acknowledge";
    case CallKind::subscribe: return "subscribe";
    case CallKind::create_log: return "create_log";
    case CallKind::append: return "append";
    case CallKind::append_commit: return "append_commit";
    case CallKind::read_log: return "read_log";
    case CallKind::subscribe_log: return "subscribe_log";
  }
  return "";
}

std::string_view name(Limit limit) {
  switch (limit) {
    case Limit::connections: return "connections";
    case Limit::connections_per_address: return "connections-per-address";
    case Limit::handshakes: return "handshakes";
    case Limit::handshake_seconds: return "handshake-seconds";
    case Limit::login_seconds: return "login-seconds";
    case Limit::idle_minutes: return "idle-minutes";
    case Limit::stall_seconds: return "stall-seconds";
    case Limit::calls_in_flight: return "calls-in-flight";
    case Limit::large_answers: return "large-answers";
    case Limit::pending_output_mib: return "pending-output-mib";
    case Limit::message_memory_mib: return "message-memory-mib";
    case Limit::message_shape: return "message-shape";
    case Limit::payload_kib: return "payload-kib";
    case Limit::subscriptions: return "subscriptions";
    case Limit::database_mib: return "database-mib";
    case Limit::inbox_entries: return "inbox-entries";
    case Limit::inbox_mib: return "inbox-mib";
    case Limit::group_log_entries: return "group-log-entries";
    case Limit::group_log_mib: return "group-log-mib";
    case Limit::logs_per_identity: return "logs-per-identity";
    case Limit::key_packages: return "key-packages";
    case Limit::handshakes_rate: return "handshakes-rate";
    case Limit::logins_rate: return "logins-rate";
    case Limit::admissions_rate: return "admissions-rate";
    case Limit::claims_rate: return "claims-rate";
    case Limit::claims_of_one_rate: return "claims-of-one-rate";
    case Limit::claims_of_pair_rate: return "claims-of-pair-rate";
    case Limit::logs_rate: return "logs-rate";
    case Limit::changes_rate: return "changes-rate";
    case Limit::deliveries_rate: return "deliveries-rate";
    case Limit::refusals_rate: return "refusals-rate";
    case Limit::stored_rate: return "stored-rate";
  }
  return "";
}

}  // namespace qnpc::server
