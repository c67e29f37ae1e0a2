#include "qnpc/base/error.h"

namespace qnpc {

std::string_view name(Reason reason) {
  switch (reason) {
    case Reason::malformed: return "malformed";
    case Reason::too_large: return "too_large";
    case Reason::unsupported: return "unsupported";
    case Reason::bad_key: return "bad_key";
    case Reason::bad_signature: return "bad_signature";
    case Reason::decrypt_failed: return "decrypt_failed";
    case Reason::rejected: return "rejected";
    case Reason::exhausted: return "exhausted";
    case Reason::handshake_failed: return "handshake_failed";
    case Reason::truncated: return "truncated";
    case Reason::timeout: return "timeout";
    case Reason::quota: return "quota";
    case Reason::conflict: return "conflict";
    case Reason::not_found: return "not_found";
    case Reason::unauthorized: return "unauthorized";
    case Reason::rate_limited: return "rate_limited";
    case Reason::overloaded: return "overloaded";
    case Reason::unavailable: return "unavailable";
    case Reason::unknown: return "unknown";
    case Reason::io: return "io";
    case Reason::corrupt: return "corrupt";
    case Reason::pin_mismatch: return "pin_mismatch";
    case Reason::usage: return "usage";
    case Reason::internal: return "internal";
  }
  return "internal";
}

}  // namespace qnpc
