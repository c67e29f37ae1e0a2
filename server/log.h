// log: structured lines on standard error, through spdlog. A line is an event and its fields;
// fields never hold payloads or keys.
//
//   log::info("listening", {{"service", "delivery"}, {"address", "127.0.0.1:7001"}});
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace qnpc::server::log {

struct Field {
  std::string_view name;
  std::variant<std::string, int64_t> value;
};
using Fields = std::initializer_list<Field>;

/// `level` is one of trace, debug, info, warn, error, critical, off; `format` is text or json.
void configure(const std::string& level, const std::string& format);

void debug(std::string_view event, Fields fields = {});
void info(std::string_view event, Fields fields = {});
void warn(std::string_view event, Fields fields = {});
void error(std::string_view event, Fields fields = {});

}  // namespace qnpc::server::log
