// cli: the command line, from words to Options and one command.
#pragma once

#include <string>

#include "client/exit_code.h"

namespace qnpc::client {

/// Parses, runs the command, reports what went wrong. `argv` as main has it.
ExitCode run_command_line(int argc, char** argv);

}  // namespace qnpc::client
