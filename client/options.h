// options: what the command line and the environment said.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "client/limits.h"
#include "client/messenger.h"
#include "client/state/state_key.h"
#include "qnpc/noise/suite.h"

namespace qnpc::client {

struct Options {
  // Of every command.
  std::string server = "127.0.0.1:7000";
  std::string ds_server;  // empty: where the server says
  std::string server_key;
  noise::Suite suite = noise::Suite::hybrid;  // of the handshake
  std::string state;
  KeyOptions keys;
  bool json = false;
  bool timings = false;
  // Of some.
  std::string group;
  std::optional<group::Suite> group_suite;
  std::vector<std::string> peers;  // names of contacts, or identity keys
  std::string name;
  bool confirm = false;
  bool reset = false;
  bool qr = false;
  std::string safety_number;
  std::optional<std::string> message;
  uint32_t key_packages = limits::key_package_stock;
  std::string invitation_file;
  std::string certificate_file;
  std::string certificate_key_file;
  std::string ca_file;
  bool follow = false;
  std::chrono::milliseconds wait{0};
  bool all = false;
  bool for_everybody = false;
  RefreshPolicy refresh;
};

/// $XDG_DATA_HOME/quicnprotochat/state.db, or below ~/.local/share.
std::string default_state_path();

}  // namespace qnpc::client
