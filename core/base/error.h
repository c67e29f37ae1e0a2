// error: the one exception type of the project, and the closed list of its reasons.
//
// A reason is for the program (which exit code, retry or not); the text is for the person: what
// happened, and where it helps, what to do next. Neither ever holds a secret.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace qnpc {

enum class Reason {
  // Bytes that came from outside.
  malformed,    // does not parse: truncated, trailing bytes, an impossible value
  too_large,    // over a named limit (limits.h)
  unsupported,  // well formed, but a version, suite or type that we do not speak
  // Cryptography.
  bad_key,         // not a key of its kind, or a key that yields no secret
  bad_signature,   // a signature or MAC that does not verify
  decrypt_failed,  // an AEAD tag that does not verify
  rejected,        // an MLS message that breaks a rule of RFC 9420 (mls::Rejected names it)
  exhausted,       // a nonce, generation or sequence number has run out
  // Channels.
  handshake_failed,
  truncated,  // the peer closed without saying so
  timeout,
  // Services (DESIGN statuses). All but `unknown` mean: not applied.
  quota,
  conflict,
  not_found,
  unauthorized,
  rate_limited,
  overloaded,
  unavailable,
  unknown,  // perhaps applied: retry with the same message id
  // This machine.
  io,            // a file or socket; the text names it
  corrupt,       // a file of ours that is not what we wrote
  pin_mismatch,  // a server shows another key than the pinned one
  usage,         // the caller asked for something that makes no sense
  internal,      // a broken invariant of ours: a bug
};

/// The reason's name as it stands above, for --json and logs.
std::string_view name(Reason reason);

class Error : public std::runtime_error {
 public:
  Error(Reason why, const std::string& text) : std::runtime_error(text), reason_(why) {}
  Reason reason() const { return reason_; }

 private:
  Reason reason_;
};

}  // namespace qnpc
