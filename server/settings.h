// settings: what the operator chooses, by flag or environment.
#pragma once

#include <chrono>
#include <string>
#include <variant>

#include "server/access.h"
#include "server/admin_command.h"
#include "server/admission.h"
#include "server/connection_limits.h"
#include "server/store/writer.h"

namespace qnpc::server {

struct Settings {
  std::string listen = "127.0.0.1:7000";
  std::string ds_listen = "127.0.0.1:7001";
  std::string public_address;  // empty: what it listens on
  bool qr = false;
  std::string data_dir;
  size_t threads = 0;
  bool require_hybrid = false;
  AdmissionLimits admission;
  ConnectionLimits connection;
  size_t message_memory = limits::message_memory;
  StoreLimits store;
  AccessPolicy access;
  std::string metrics;  // an address; empty: none
  std::string log_level = "info";
  std::string log_format = "text";
  bool print_key = false;
  AdminCommand admin;  // its action is none where this process is to be the server
};

/// What a process says when it ends; --help and the man page list them too.
enum ExitCode {
  exit_ok = 0,
  exit_other = 1,
  exit_usage = 2,
  exit_address = 3,
  exit_data = 4,
};

/// The settings, or the exit code where the command line asked for help or made no sense: what
/// there is to say has been printed.
std::variant<Settings, ExitCode> parse_settings(int argc, const char* const* argv);

}  // namespace qnpc::server
