#include "client/options.h"

#include <cstdlib>

#include "qnpc/base/error.h"
#include "qnpc/group/identity.h"

namespace qnpc::client {

std::string default_state_path() {
  // The specification of base directories: a relative path is to be ignored.
  const char* data = std::getenv("XDG_DATA_HOME");
  if (data && data[0] == '/') return std::string(data) + "/quicnprotochat/state.db";
  const char* home = std::getenv("HOME");
  return std::string(home ? home : ".") + "/.local/share/quicnprotochat/state.db";
}

Bytes parse_identity_key(const std::string& hex) {
  std::optional<Bytes> key = from_hex(hex);
  if (!key || key->size() != group::identity_key_size) {
    throw Error(Reason::usage,
                "an identity key is 64 hexadecimal digits, as `register` and "
                "`whoami` print them");
  }
  return *key;
}

std::vector<Bytes> parse_identity_keys(const std::vector<std::string>& hex) {
  std::vector<Bytes> out;
  for (const std::string& key : hex) out.push_back(parse_identity_key(key));
  return out;
}

}  // namespace qnpc::client
