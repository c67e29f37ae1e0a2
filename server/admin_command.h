// admin_command: `quicnprotochat-server admin ...`, which asks the running server
// (schemas/admin.capnp).
#pragma once

#include <cstdint>
#include <string>

namespace qnpc::server {

struct AdminCommand {
  enum class Action { none, invite, invitations, revoke, add, remove, members };
  Action action = Action::none;
  std::string argument;  // an identity key or its beginning, or that of an invitation's id
  uint32_t uses = 1;
  uint32_t days = 7;
  bool json = false;
};

/// Prints what was asked for. Throws Error: Reason::unavailable where no server runs on that
/// socket, or what the server said.
void run_admin_command(const AdminCommand& command, const std::string& socket_path);

}  // namespace qnpc::server
