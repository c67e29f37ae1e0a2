#include "client/output.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "client/terminal.h"

namespace qnpc::client {
namespace {

using nlohmann::json;

// Names and texts from elsewhere may hold anything: replaced, where it is not UTF-8.
std::string dump(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string formatted(const char* format, const std::tm& time) {
  std::array<char, 64> out{};
  return {out.data(), std::strftime(out.data(), out.size(), format, &time)};
}

}  // namespace

Output::Output(FILE* out, FILE* err, bool json)
    : out_(out),
      err_(err),
      json_(json),
      out_is_terminal_(client::is_terminal(out)),
      err_is_terminal_(client::is_terminal(err)) {}

void Output::write(FILE* stream, const std::string& line) {
  progress_done();
  std::fwrite(line.data(), 1, line.size(), stream);
  std::fputc('\n', stream);
}

void Output::line(const std::string& text, const nlohmann::json& object) {
  write(out_, json_ ? dump(object) : text);
}

void Output::flush() {
  if (std::fflush(out_) != 0 || std::ferror(out_) != 0) {
    throw Error(Reason::io, std::string("cannot write standard output: ") + std::strerror(errno));
  }
}

std::string Output::foreign(std::string_view text) const {
  return out_is_terminal_ ? escape_controls(text) : std::string(text);
}

void Output::note(const std::string& text) {
  write(err_, json_ ? dump({{"note", text}}) : escape_controls(text));
}

void Output::error(const Error& error) {
  int code = static_cast<int>(exit_code_of(error));
  if (!json_) return write(err_, "error: " + escape_controls(error.what()));
  write(err_,
        dump({{"error", name(error.reason())}, {"message", error.what()}, {"exit_code", code}}));
}

void Output::timings(const Timings& timings) {
  double total = 0;
  auto phases = nlohmann::json::array();
  std::array<char, 96> line{};
  auto print = [&](double milliseconds, const char* what) {
    std::snprintf(line.data(), line.size(), "%8.2f ms  %s", milliseconds, what);
    write(err_, line.data());
  };
  for (const auto& [phase, milliseconds] : timings.phases()) {
    total += milliseconds;
    phases.push_back({{"phase", phase}, {"milliseconds", milliseconds}});
    if (!json_) print(milliseconds, phase.c_str());
  }
  if (!json_) return print(total, "in all");
  write(err_, dump({{"timings", phases}}));
}

void Output::progress(const std::string& text) {
  if (!err_is_terminal_ || json_) return;
  std::string line = "\r\033[K" + escape_controls(text) + " ...";
  std::fwrite(line.data(), 1, line.size(), err_);
  std::fflush(err_);
  progress_shown_ = true;
}

void Output::progress_done() {
  if (!progress_shown_) return;
  std::fputs("\r\033[K", err_);
  std::fflush(err_);
  progress_shown_ = false;
}

std::string short_key(View identity_key) {
  return to_hex(identity_key.first(std::min<size_t>(identity_key.size(), 4)));
}

std::string local_time(uint64_t unix_ms) {
  auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm time{};
  localtime_r(&seconds, &time);
  return formatted("%Y-%m-%d %H:%M:%S", time);
}

std::string utc_time(uint64_t unix_ms) {
  auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm time{};
  gmtime_r(&seconds, &time);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03uZ", static_cast<unsigned>(unix_ms % 1000));
  return formatted("%Y-%m-%dT%H:%M:%S", time) + fraction.data();
}

}  // namespace qnpc::client
