#include "server/settings_limits.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace qnpc::server {
namespace {

using Days = std::chrono::duration<uint64_t, std::ratio<86400>>;
constexpr uint64_t most_days = 3650;
constexpr uint64_t most_entries = 100'000'000;
constexpr uint64_t most_mib = uint64_t{1} << 20;
constexpr uint64_t most_seconds = 3600;
constexpr uint64_t most_connections = 1'000'000;

/// "inbox-days" is --inbox-days and QUICNPROTOCHAT_INBOX_DAYS.
CLI::Option* declare(CLI::App& app, const std::string& name, const std::string& unit,
                     const std::string& help, const std::string& standard,
                     const std::function<void(const std::string&)>& set) {
  std::string variable = "QUICNPROTOCHAT_" + name;
  std::ranges::replace(variable, '-', '_');
  std::ranges::transform(variable, variable.begin(),
                         [](unsigned char c) { return std::toupper(c); });
  return app
      .add_option_function<std::string>("--" + name, set, help + " (default " + standard + ")")
      ->envname(variable)
      ->type_name(unit);
}

struct Range {
  uint64_t least = 1;
  uint64_t most = 0;
};

void declare_number(CLI::App& app, const std::string& name, const std::string& unit,
                    const std::string& help, uint64_t standard, Range range,
                    const std::function<void(uint64_t)>& set) {
  declare(app, name, unit, help, std::to_string(standard), [set](const std::string& text) {
    set(std::stoull(text));
  })->check(CLI::Range(range.least, range.most));
}

/// What is kept, for how long: the store's limits, in units for people.
void declare_retention(CLI::App& app, StoreLimits& store) {
  auto declare_queue = [&](const std::string& name, const std::string& what, uint64_t& entries,
                           uint64_t& bytes, std::chrono::seconds& retention) {
    auto days = std::chrono::duration_cast<Days>(retention).count();
    declare_number(app, name + "-days", "DAYS", "How long entries of " + what + " are kept", days,
                   {1, most_days}, [&retention](uint64_t number) { retention = Days(number); });
    declare_number(app, name + "-entries", "COUNT", "Entries of " + what, entries,
                   {1, most_entries}, [&entries](uint64_t number) { entries = number; });
    declare_number(app, name + "-mib", "MIB", "Size of " + what, bytes >> 20, {1, most_mib},
                   [&bytes](uint64_t number) { bytes = number << 20; });
  };
  declare_queue("inbox", "an inbox", store.inbox.entries, store.inbox.bytes, store.inbox_retention);
  declare_queue("group-log", "a group's log", store.log.entries, store.log.bytes,
                store.log_retention);
  declare_number(app, "logs-per-identity", "COUNT", "Groups that one identity may make in all",
                 store.logs_per_identity, {1, most_entries},
                 [&store](uint64_t number) { store.logs_per_identity = number; });
  declare_number(app, "database-mib", "MIB",
                 "Size of the database, over which nothing more is stored",
                 store.database_bytes >> 20, {1, most_mib},
                 [&store](uint64_t number) { store.database_bytes = number << 20; });
}

/// How many connections, and for how long they may wait for what.
void declare_connections(CLI::App& app, Settings& settings) {
  auto declare_count = [&](const std::string& name, const std::string& help, size_t& count,
                           Range range) {
    declare_number(app, name, "COUNT", help, count, range,
                   [&count](uint64_t number) { count = number; });
  };
  auto declare_seconds = [&](const std::string& name, const std::string& help,
                             std::chrono::seconds& time) {
    declare_number(app, name, "SECONDS", help, static_cast<uint64_t>(time.count()),
                   {1, most_seconds},
                   [&time](uint64_t number) { time = std::chrono::seconds(number); });
  };
  AdmissionLimits& admission = settings.admission;
  declare_count("connections", "Connections at once", admission.connections, {1, most_connections});
  declare_count("connections-per-address", "Of these, from one address", admission.per_address,
                {1, most_connections});
  declare_count("handshakes", "Handshakes at once; one address may have a sixteenth of them",
                admission.handshakes, {1, most_connections});
  ConnectionLimits& connection = settings.connection;
  declare_seconds("handshake-seconds", "For a handshake", connection.handshake);
  declare_seconds("login-seconds", "After it, until a login or a right token", connection.login);
  declare_seconds("stall-seconds", "For a peer to take what it is sent", connection.stall);
  declare_number(app, "idle-minutes", "MINUTES", "Without a call or a subscription",
                 static_cast<uint64_t>(connection.idle.count()), {1, 24 * 60},
                 [&](uint64_t number) { connection.idle = std::chrono::minutes(number); });
  declare_count("calls-in-flight", "Unanswered calls of one connection", connection.calls_in_flight,
                {1, 100'000});
  declare_count("subscriptions", "Subscriptions of one connection", connection.subscriptions,
                {1, 100'000});
  constexpr uint64_t least_memory = limits::message_memory_share * limits::drain_bytes >> 20;
  // A connection must be able to hold the longest answer.
  constexpr uint64_t least_output = limits::message_words * sizeof(uint64_t) >> 20;
  declare_number(app, "pending-output-mib", "MIB", "Output that waits for one peer",
                 connection.pending_output >> 20, {least_output, most_mib},
                 [&](uint64_t number) { connection.pending_output = number << 20; });
  declare_number(app, "message-memory-mib", "MIB",
                 "For all long messages on their way; one address may have a quarter of it",
                 settings.message_memory >> 20, {least_memory, most_mib},
                 [&](uint64_t number) { settings.message_memory = number << 20; });
  // Clients make room for payloads of the default size, and for none that are larger.
  declare_number(app, "payload-kib", "KIB", "Size of a message or a Welcome",
                 connection.payload_bytes >> 10, {1, limits::payload_bytes >> 10},
                 [&](uint64_t number) { connection.payload_bytes = number << 10; });
}

/// "50:1" is 50 at once, and then 1 a minute.
limits::Rate parse_rate(const std::string& text) {
  const size_t colon = text.find(':');
  auto number = [&](const std::string& digits) {
    const bool is_number =
        !digits.empty() && digits.size() <= 9 &&
        std::ranges::all_of(digits, [](unsigned char c) { return std::isdigit(c) != 0; });
    const double value = is_number ? std::stod(digits) : 0;
    if (value < 1) throw CLI::ValidationError("'" + text + "' is no rate: write COUNT:PER_MINUTE");
    return value;
  };
  if (colon == std::string::npos) number("");
  const limits::Rate rate{number(text.substr(0, colon)), number(text.substr(colon + 1)) / 60};
  if (std::chrono::duration<double>(rate.burst / rate.per_second) > limits::longest_refill) {
    throw CLI::ValidationError("'" + text +
                               "' is too slow: what it gives at once would take more than ten "
                               "years to come back. Write fewer at once, or more a minute");
  }
  return rate;
}

void declare_rates(CLI::App& app, Rates& rates) {
  auto declare_rate = [&](Limit limit, const std::string& help, limits::Rate& rate) {
    auto count = [](double value) { return std::to_string(std::lround(value)); };
    declare(app, std::string(name(limit)), "COUNT:PER_MINUTE", help,
            count(rate.burst) + ":" + count(rate.per_second * 60),
            [&rate](const std::string& text) { rate = parse_rate(text); });
  };
  declare_rate(Limit::handshakes_rate, "Handshakes of an address", rates.handshakes);
  declare_rate(Limit::logins_rate, "Logins of an address", rates.logins);
  declare_rate(Limit::admissions_rate, "New identities of an address", rates.admissions);
  declare_rate(Limit::claims_rate, "KeyPackages that an identity takes", rates.claims_by_requester);
  declare_rate(Limit::claims_of_one_rate, "KeyPackages of one identity that are taken",
               rates.claims_of_target);
  declare_rate(Limit::claims_of_pair_rate, "KeyPackages of one identity that another takes",
               rates.claims_of_pair);
  declare_rate(Limit::logs_rate, "Groups that an identity makes", rates.logs);
  declare_rate(Limit::changes_rate, "Changes by an identity that store nothing", rates.changes);
  declare_rate(Limit::deliveries_rate, "Deliveries to inboxes by an address", rates.deliveries);
  declare_rate(Limit::refusals_rate, "Wrong tokens of an address", rates.refusals);
  declare_rate(Limit::stored_rate, "KiB that an address has stored", rates.stored_kib);
}

}  // namespace

void declare_limits(CLI::App& app, Settings& settings) {
  declare_retention(app, settings.store);
  declare_connections(app, settings);
  declare_rates(app, settings.access.rates);
}

}  // namespace qnpc::server
