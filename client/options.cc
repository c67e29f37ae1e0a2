#include "client/options.h"

#include <cstdlib>

namespace qnpc::client {

std::string default_state_path() {
  // The specification of base directories: a relative path is to be ignored.
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data && data[0] == '/') return std::string(data) + "/quicnprotochat/state.db";
  const char* home = std::getenv("HOME");
  return std::string(home ? home : ".") + "/.local/share/quicnprotochat/state.db";
}

}  // namespace qnpc::client
