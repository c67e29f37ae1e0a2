// exit_code: what a command's end says to a script. Stable: listed in --help and the man page.
#pragma once

#include "qnpc/base/error.h"

namespace qnpc::client {

enum class ExitCode : int {
  ok = 0,
  failure = 1,        // anything that is not below: a bug, or something unheard of
  usage = 2,          // the command line, or what it asks for, makes no sense
  unreachable = 3,    // the server does not answer; safe to try again
  not_authentic = 4,  // the server's key is not the pinned one, or it could not prove it
  nothing_there = 5,  // no KeyPackage, no invitation, no such group
  local_file = 6,     // the state, its key, standard input or output
  refused = 7,        // a quota, a limit, or others were first
  rejected = 8,       // cryptography or MLS said no to something that came from another
};

/// An error that a server sent, or that kept us from hearing it.
class ServerError : public Error {
 public:
  using Error::Error;
};

ExitCode exit_code_of(const Error& error);

/// Whether it may go better later: the server is away, or has no room at the moment.
bool may_pass(const ServerError& error);

/// Whether the fault lies with us or with this machine, and not with what came from elsewhere.
bool is_local_fault(Reason reason);

}  // namespace qnpc::client
