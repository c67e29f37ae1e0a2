// server_address: where a server is and by which key it is known, docs/addresses.md. A server
// prints it, a client is given it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "qnpc/base/bytes.h"

namespace qnpc::rpc {

inline constexpr uint16_t authentication_port = 7000;
inline constexpr uint16_t delivery_port = 7001;

struct ServerAddress {
  std::string host;  // a name in lower case, or an IP address, without brackets, perhaps a zone
  uint16_t port = 0;
  std::optional<ByteArray<32>> key;  // the server's static key

  /// "HOST:PORT", an IPv6 address in brackets.
  std::string host_and_port() const;
  /// "qnpc://HOST:PORT/KEY", the key in base64url. Only for an address with a key.
  std::string to_text() const;
};

/// Either of the two forms; a port that is left out is `default_port`. Throws Reason::usage, saying
/// what is wrong.
ServerAddress parse_server_address(std::string_view text, uint16_t default_port);

}  // namespace qnpc::rpc
