// settings_test: each setting reaches what it sets, by its flag and by its environment variable,
// and what makes no sense is refused.
#include "server/settings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <regex>

#include "server/metrics.h"

namespace qnpc::server {
namespace {

/// An environment variable, for as long as this lives.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    setenv(name_.c_str(), value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { unsetenv(name_.c_str()); }

 private:
  const std::string name_;
};

std::string variable_of(const std::string& flag) {
  std::string name = "QUICNPROTOCHAT_" + flag;
  std::ranges::replace(name, '-', '_');
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  return name;
}

std::variant<Settings, ExitCode> parse(std::vector<std::string> arguments) {
  std::vector<const char*> argv{"quicnprotochat-server"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  testing::internal::CaptureStderr();  // what a refusal says
  auto parsed = parse_settings(static_cast<int>(argv.size()), argv.data());
  testing::internal::GetCapturedStderr();
  return parsed;
}
Settings settings_of(std::vector<std::string> arguments) {
  auto parsed = parse(std::move(arguments));
  if (!std::holds_alternative<Settings>(parsed)) throw std::runtime_error("refused");
  return std::get<Settings>(std::move(parsed));
}

struct Flag {
  const char* name;
  std::function<bool(const Settings&)> is_set;
};

TEST(Settings, FlagsAreSetByThemselvesAndByTheirVariables) {
  const Flag flags[] = {
      {"no-rate-limits", [](const Settings& s) { return !s.access.rate_limits; }},
      {"open", [](const Settings& s) { return s.access.open_calls; }},
      {"qr", [](const Settings& s) { return s.qr; }},
      {"require-hybrid", [](const Settings& s) { return s.require_hybrid; }},
      {"print-key", [](const Settings& s) { return s.print_key; }},
  };
  for (const Flag& flag : flags) {
    SCOPED_TRACE(flag.name);
    EXPECT_FALSE(flag.is_set(settings_of({})));
    EXPECT_TRUE(flag.is_set(settings_of({std::string("--") + flag.name})));
    for (auto [value, is_set] :
         {std::pair("1", true), {"true", true}, {"0", false}, {"false", false}}) {
      Variable variable(variable_of(flag.name), value);
      EXPECT_EQ(flag.is_set(settings_of({})), is_set) << value;
    }
    Variable nonsense(variable_of(flag.name), "perhaps");
    EXPECT_EQ(std::get<ExitCode>(parse({})), exit_usage);
  }
}

struct Limited {
  const char* name;
  const char* value;  // another one than the standard
  std::function<double(const Settings&)> field;
  double expected;
};

double days(std::chrono::seconds time) {
  return std::chrono::duration<double, std::ratio<86400>>(time).count();
}
double mib(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

const Limited limited[] = {
    {"inbox-days", "7", [](auto& s) { return days(s.store.inbox_retention); }, 7},
    {"inbox-entries", "11", [](auto& s) { return s.store.inbox.entries; }, 11},
    {"inbox-mib", "12", [](auto& s) { return mib(s.store.inbox.bytes); }, 12},
    {"group-log-days", "8", [](auto& s) { return days(s.store.log_retention); }, 8},
    {"group-log-entries", "13", [](auto& s) { return s.store.log.entries; }, 13},
    {"group-log-mib", "14", [](auto& s) { return mib(s.store.log.bytes); }, 14},
    {"logs-per-identity", "26", [](auto& s) { return s.store.logs_per_identity; }, 26},
    {"database-mib", "15", [](auto& s) { return mib(s.store.database_bytes); }, 15},
    {"connections", "16", [](auto& s) { return s.admission.connections; }, 16},
    {"connections-per-address", "17", [](auto& s) { return s.admission.per_address; }, 17},
    {"handshakes", "18", [](auto& s) { return s.admission.handshakes; }, 18},
    {"handshake-seconds", "19", [](auto& s) { return s.connection.handshake.count(); }, 19},
    {"login-seconds", "20", [](auto& s) { return s.connection.login.count(); }, 20},
    {"stall-seconds", "21", [](auto& s) { return s.connection.stall.count(); }, 21},
    {"idle-minutes", "22", [](auto& s) { return s.connection.idle.count(); }, 22},
    {"calls-in-flight", "23", [](auto& s) { return s.connection.calls_in_flight; }, 23},
    {"subscriptions", "24", [](auto& s) { return s.connection.subscriptions; }, 24},
    {"pending-output-mib", "40", [](auto& s) { return mib(s.connection.pending_output); }, 40},
    {"message-memory-mib", "130", [](auto& s) { return mib(s.message_memory); }, 130},
    {"payload-kib", "27", [](auto& s) { return s.connection.payload_bytes / 1024; }, 27},
};

TEST(Settings, LimitsReachWhatTheyLimit) {
  for (const Limited& limit : limited) {
    SCOPED_TRACE(limit.name);
    EXPECT_NE(limit.field(settings_of({})), limit.expected);
    EXPECT_EQ(limit.field(settings_of({std::string("--") + limit.name, limit.value})),
              limit.expected);
    Variable variable(variable_of(limit.name), limit.value);
    EXPECT_EQ(limit.field(settings_of({})), limit.expected);
  }
}

struct RateField {
  Limit limit;
  limits::Rate Rates::*field;
};

const RateField rates[] = {
    {Limit::handshakes_rate, &Rates::handshakes},
    {Limit::logins_rate, &Rates::logins},
    {Limit::admissions_rate, &Rates::admissions},
    {Limit::claims_rate, &Rates::claims_by_requester},
    {Limit::claims_of_one_rate, &Rates::claims_of_target},
    {Limit::claims_of_pair_rate, &Rates::claims_of_pair},
    {Limit::logs_rate, &Rates::logs},
    {Limit::deliveries_rate, &Rates::deliveries},
    {Limit::changes_rate, &Rates::changes},
    {Limit::refusals_rate, &Rates::refusals},
    {Limit::stored_rate, &Rates::stored_kib},
};

TEST(Settings, RatesReachWhatTheyLimit) {
  for (const RateField& rate : rates) {
    const std::string flag(name(rate.limit));
    SCOPED_TRACE(flag);
    auto expect = [&](const Settings& settings, double burst, double a_minute) {
      const limits::Rate& is = settings.access.rates.*rate.field;
      EXPECT_DOUBLE_EQ(is.burst, burst);
      EXPECT_DOUBLE_EQ(is.per_second * 60, a_minute);
    };
    expect(settings_of({"--" + flag, "77:66"}), 77, 66);
    Variable variable(variable_of(flag), "55:44");
    expect(settings_of({}), 55, 44);
    expect(settings_of({"--" + flag, "33:22"}), 33, 22);
  }
}

// So that whoever adds a setting adds it to one of the tables above.
TEST(Settings, NoneOfTheLimitsIsUntested) {
  testing::internal::CaptureStdout();
  parse({"--help"});
  const std::string help = testing::internal::GetCapturedStdout();
  auto is_tested = [](const std::string& flag) {
    return std::ranges::any_of(limited, [&](auto& limit) { return flag == limit.name; }) ||
           std::ranges::any_of(rates, [&](auto& rate) { return flag == name(rate.limit); });
  };
  const std::regex limit("--([a-z-]+) (DAYS|COUNT|MIB|KIB|SECONDS|MINUTES)");
  size_t found = 0;
  for (std::sregex_iterator each(help.begin(), help.end(), limit), end; each != end; ++each) {
    const std::string flag = (*each)[1];
    EXPECT_TRUE(is_tested(flag) || flag == "threads") << flag;
    ++found;
  }
  EXPECT_EQ(found, std::size(limited) + std::size(rates) + 1) << help;
}

// It had overflowed what holds the time until the bucket is full again.
TEST(Settings, ARateThatWouldTakeAgesToComeBackIsRefused) {
  EXPECT_EQ(std::get<ExitCode>(parse({"--logins-rate", "999999999:1"})), exit_usage);
  EXPECT_EQ(std::get<ExitCode>(parse({"--logins-rate", "9999999:1"})), exit_usage);
  EXPECT_EQ(settings_of({"--logins-rate", "999999999:999"}).access.rates.logins.burst, 999999999);
  EXPECT_EQ(settings_of({"--logins-rate", "5000000:1"}).access.rates.logins.burst, 5000000);
}

TEST(Settings, WithoutRateLimitsOneAddressMayHaveAll) {
  EXPECT_TRUE(settings_of({}).admission.by_address);
  EXPECT_FALSE(settings_of({"--no-rate-limits"}).admission.by_address);
}

}  // namespace
}  // namespace qnpc::server
