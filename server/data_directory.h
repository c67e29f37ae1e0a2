// data_directory: the folder with everything that the server keeps: its Noise key, its database,
// and the lock that makes one process its only user. docs/server-store.md lists the files.
#pragma once

#include <kj/io.h>

#include <string>

#include "qnpc/base/random.h"
#include "qnpc/crypto/x25519.h"

namespace qnpc::server {

/// Makes the folder (mode 0700) where it is missing. Throws Reason::io with what to do.
void make_data_directory(const std::string& path);

/// Held as long as it lives. Throws Reason::io where another server has it.
kj::AutoCloseFd lock_data_directory(const std::string& path);

/// Reads the server's static key, or makes one where there is none: whole, durable and with mode
/// 0600 from the first moment. Throws `corrupt` where the file is not such a key, `io` where it can
/// not be read or others than its owner may.
crypto::X25519KeyPair load_or_create_key(const std::string& directory, Random& random);

std::string database_path(const std::string& directory);
/// Throws Reason::usage where it is longer than a socket allows.
std::string admin_socket_path(const std::string& directory);

}  // namespace qnpc::server
