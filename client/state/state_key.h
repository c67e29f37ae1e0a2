// state_key: where the 32-byte key of a state file comes from: a key file beside it, or a
// passphrase (Argon2id) that is typed or read from a file, never taken from the command line.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "qnpc/base/random.h"
#include "qnpc/base/secret.h"
#include "qnpc/crypto/sealed_box.h"

namespace qnpc::client {

/// What the person said about keys; each may be left out.
struct KeyOptions {
  std::string key_file;         // default: the state's path with ".key" behind it
  std::string passphrase_file;  // its first line is the passphrase
  bool ask_passphrase = false;  // a new state gets a passphrase that is typed
  /// Asks on the terminal, twice where `confirm`. Throws Reason::usage where there is none.
  std::function<Secret(bool confirm)> prompt;
};

enum class KeySource : uint8_t { key_file = 1, passphrase = 2 };

/// Stored in the clear: how to make the key again.
struct KeyRecipe {
  KeySource source = KeySource::key_file;
  Bytes salt;
  uint64_t operations = 0;
  uint64_t memory_bytes = 0;
  static auto wire(auto& m) { return std::tie(m.source, m.salt, m.operations, m.memory_bytes); }
};

struct StateKey {
  KeyRecipe recipe;
  Secret key;
};

/// For a state that does not exist yet. Creates the key file (mode 0600) unless it is there, or
/// takes a passphrase. The key is on the disk when it returns.
StateKey new_state_key(const std::string& state_path, const KeyOptions& options, Random& random);

/// For a state that exists. Throws Reason::io where the key file is missing or readable by others,
/// Reason::corrupt for a recipe that we would not have written.
Secret make_state_key(const KeyRecipe& recipe, const std::string& state_path,
                      const KeyOptions& options);

}  // namespace qnpc::client
