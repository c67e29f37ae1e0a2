// terminal: what the two streams and the keyboard are for: escaping what others wrote, asking for a
// passphrase, reading a message from a pipe.
#pragma once

#include <cstdio>
#include <string>

#include "qnpc/base/secret.h"

namespace qnpc::client {

bool is_terminal(FILE* stream);

/// The text with every character that would control a terminal, or reorder what is around it,
/// written out (\x1b, \u202e). Line feeds and tabs stay. `text` is UTF-8; bytes that are not are
/// written out as well.
std::string escape_controls(std::string_view text);

/// All of standard input. Throws Reason::too_large over `limit` bytes, Reason::io.
std::string read_standard_input(size_t limit);

/// A line from the terminal, not echoed. Throws Reason::usage where there is no terminal.
Secret ask_secret(const std::string& question);

/// A new passphrase is asked for twice.
Secret ask_passphrase(bool confirm);

}  // namespace qnpc::client
