// login: what a client signs to prove its identity to a server, docs/rpc.md.
#pragma once

#include <string_view>

#include "qnpc/base/bytes.h"

namespace qnpc::rpc {

/// `handshake_hash` is that of the Noise channel: different in each, so that nobody can pass a
/// signature on. The text keeps it apart from all else that an identity signs: what MLS signs
/// begins with the length of its label, which is below 64.
inline Bytes login_message(View handshake_hash) {
  Bytes out = to_bytes(std::string_view("quicnprotochat login 1\n"));
  append(out, handshake_hash);
  return out;
}

}  // namespace qnpc::rpc
