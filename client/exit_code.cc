#include "client/exit_code.h"

namespace qnpc::client {
namespace {

ExitCode of_server(Reason reason) {
  switch (reason) {
    case Reason::truncated:
    case Reason::timeout:
    case Reason::unavailable:
    case Reason::unknown:
    case Reason::io: return ExitCode::unreachable;
    case Reason::not_found: return ExitCode::nothing_there;
    case Reason::handshake_failed:
    case Reason::pin_mismatch: return ExitCode::not_authentic;
    default: return ExitCode::refused;
  }
}

}  // namespace

ExitCode exit_code_of(const Error& error) {
  if (dynamic_cast<const ServerError*>(&error)) return of_server(error.reason());
  switch (error.reason()) {
    case Reason::usage:
    case Reason::too_large: return ExitCode::usage;
    case Reason::handshake_failed:
    case Reason::pin_mismatch: return ExitCode::not_authentic;
    case Reason::not_found: return ExitCode::nothing_there;
    case Reason::conflict: return ExitCode::refused;
    case Reason::io:
    case Reason::corrupt:
    case Reason::unsupported:
    case Reason::unavailable:
    case Reason::unauthorized: return ExitCode::local_file;
    case Reason::malformed:
    case Reason::bad_key:
    case Reason::bad_signature:
    case Reason::decrypt_failed:
    case Reason::rejected:
    case Reason::exhausted: return ExitCode::rejected;
    default: return ExitCode::failure;
  }
}

bool may_pass(const ServerError& error) {
  return exit_code_of(error) == ExitCode::unreachable || error.reason() == Reason::overloaded ||
         error.reason() == Reason::rate_limited;
}

bool is_local_fault(Reason reason) {
  return reason == Reason::io || reason == Reason::corrupt || reason == Reason::unavailable ||
         reason == Reason::internal;
}

}  // namespace qnpc::client
