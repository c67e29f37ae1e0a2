// output: how commands speak: to people in lines, to programs in JSON objects, one a line.
//
// What was asked for goes to standard output; everything else (errors, notes, progress, timings) to
// standard error.
#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "client/exit_code.h"
#include "client/timings.h"
#include "qnpc/base/bytes.h"

namespace qnpc::client {

class Output {
 public:
  Output(FILE* out, FILE* err, bool json);

  bool json() const { return json_; }
  /// Whether a person reads standard output, and not a file or a program.
  bool is_terminal() const { return out_is_terminal_; }
  /// One line for people, or one object for programs.
  void line(const std::string& text, const nlohmann::json& object);
  /// Returns once everything is with the operating system. Throws Reason::io.
  void flush();

  /// Text that others wrote, fit for standard output: escaped where that is a terminal.
  std::string foreign(std::string_view text) const;

  void note(const std::string& text);
  void error(const Error& error);
  void timings(const Timings& timings);
  /// Shown while waiting, where standard error is a terminal; gone with progress_done().
  void progress(const std::string& text);
  void progress_done();

 private:
  void write(FILE* stream, const std::string& line);

  FILE* out_;
  FILE* err_;
  bool json_;
  bool out_is_terminal_;
  bool err_is_terminal_;
  bool progress_shown_ = false;
};

/// The start of a key, enough to tell the members of a group apart.
std::string short_key(View identity_key);
/// Local time as 2026-01-31 17:05:09.
std::string local_time(uint64_t unix_ms);
/// UTC as 2026-01-31T16:05:09.123Z.
std::string utc_time(uint64_t unix_ms);

}  // namespace qnpc::client
