#include "server/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace qnpc::server::log {
namespace {

bool as_json = false;  // written once, before there are threads

std::string quoted(const std::string& text) {
  using json = nlohmann::json;
  return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

bool is_plain(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view("-_.:/[]").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

/// Text from outside cannot end the line or make up a field: what is not plain is quoted.
std::string value_text(const Field& field) {
  if (auto number = std::get_if<int64_t>(&field.value)) return std::to_string(*number);
  const auto& text = std::get<std::string>(field.value);
  return !as_json && is_plain(text) ? text : quoted(text);
}

void write(spdlog::level::level_enum level, std::string_view event, Fields fields) {
  if (!spdlog::default_logger_raw()->should_log(level)) return;
  std::string line = as_json ? "\"event\":\"" + std::string(event) + "\"" : std::string(event);
  for (const Field& field : fields) {
    std::string name(field.name);
    line += (as_json ? ",\"" + name + "\":" : " " + name + "=") + value_text(field);
  }
  spdlog::log(level, "{}", line);
}

}  // namespace

void configure(const std::string& level, const std::string& format) {
  as_json = format == "json";
  auto logger = spdlog::stderr_logger_mt("server");
  constexpr const char* time = "%Y-%m-%dT%H:%M:%S.%eZ";
  std::string pattern = as_json ? std::string(R"({"time":")") + time + R"(","level":"%l",%v})"
                                : std::string(time) + " %l %v";
  logger->set_pattern(pattern, spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(logger);
}

void debug(std::string_view event, Fields fields) { write(spdlog::level::debug, event, fields); }
void info(std::string_view event, Fields fields) { write(spdlog::level::info, event, fields); }
void warn(std::string_view event, Fields fields) { write(spdlog::level::warn, event, fields); }
void error(std::string_view event, Fields fields) { write(spdlog::level::err, event, fields); }

}  // namespace qnpc::server::log
