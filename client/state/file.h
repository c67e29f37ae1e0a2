// file: small private files and folders, made so that nobody else can read them and a crash leaves
// either the whole file or none.
#pragma once

#include <optional>
#include <string>

#include "qnpc/base/secret.h"

namespace qnpc::client {

bool exists(const std::string& path);

/// The folder and those above it, mode 0700 where they are made.
void create_private_folder(const std::string& path);

/// A new file with mode 0600, on the disk with its name when this returns. Throws Reason::io, also
/// where the file exists already.
void create_private_file(const std::string& path, View content);

/// The file's bytes, or nothing where there is no such file. Throws Reason::too_large over `limit`.
std::optional<Secret> read_file(const std::string& path, size_t limit);

/// The same for a file that holds a key: throws Reason::io where others may read it.
std::optional<Secret> read_private_file(const std::string& path, size_t limit);

}  // namespace qnpc::client
