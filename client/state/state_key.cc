#include "client/state/state_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "client/limits.h"
#include "client/state/file.h"
#include "qnpc/base/error.h"

namespace qnpc::client {
namespace {

// Costs that we refuse to pay, whatever the file says: 16 times what we write.
constexpr uint64_t max_operations = 32;
constexpr uint64_t max_memory_bytes = uint64_t{1} << 30;

std::string key_path(const std::string& state_path, const KeyOptions& options) {
  return options.key_file.empty() ? state_path + ".key" : options.key_file;
}

Secret read_key_file(const std::string& path) {
  std::optional<Secret> key = read_private_file(path, crypto::box_key_size + 1);
  if (!key) {
    throw Error(Reason::io, "the key file " + path +
                                " is missing, and without it the state cannot be opened. Restore "
                                "it, or name its place with --key-file");
  }
  if (key->size() != crypto::box_key_size) {
    throw Error(Reason::corrupt, "the key file " + path + " does not hold 32 bytes");
  }
  return std::move(*key);
}

// The first line of the file.
Secret read_passphrase_file(const std::string& path) {
  std::optional<Secret> text = read_file(path, limits::passphrase_bytes);
  if (!text) throw Error(Reason::io, "the passphrase file " + path + " does not exist");
  View line = text->reveal();
  line = line.first(static_cast<size_t>(std::ranges::find(line, '\n') - line.begin()));
  if (!line.empty() && line.back() == '\r') line = line.first(line.size() - 1);
  return Secret::copy_of(line);
}

Secret passphrase(const KeyOptions& options, bool confirm) {
  Secret text = options.passphrase_file.empty() ? options.prompt(confirm)
                                                : read_passphrase_file(options.passphrase_file);
  if (text.empty()) throw Error(Reason::usage, "the passphrase is empty");
  return text;
}

}  // namespace

StateKey new_state_key(const std::string& state_path, const KeyOptions& options, Random& random) {
  if (options.ask_passphrase || !options.passphrase_file.empty()) {
    crypto::PassphraseCost cost;
    KeyRecipe recipe{KeySource::passphrase, random.bytes(crypto::passphrase_salt_size),
                     cost.operations, cost.memory_bytes};
    Secret text = passphrase(options, true);
    Secret key = crypto::key_from_passphrase(text.reveal(), recipe.salt, cost);
    return {std::move(recipe), std::move(key)};
  }
  std::string path = key_path(state_path, options);
  if (!exists(path)) {
    create_private_file(path, random.secret(crypto::box_key_size).reveal());
  }
  return {KeyRecipe{}, read_key_file(path)};
}

Secret make_state_key(const KeyRecipe& recipe, const std::string& state_path,
                      const KeyOptions& options) {
  switch (recipe.source) {
    case KeySource::key_file: return read_key_file(key_path(state_path, options));
    case KeySource::passphrase:
      if (recipe.operations > max_operations || recipe.memory_bytes > max_memory_bytes) break;
      return crypto::key_from_passphrase(passphrase(options, false).reveal(), recipe.salt,
                                         {recipe.operations, recipe.memory_bytes});
  }
  throw Error(Reason::corrupt, "the state file does not say how its key is made");
}

}  // namespace qnpc::client
