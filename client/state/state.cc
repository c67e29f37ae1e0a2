#include "client/state/state.h"

#include <filesystem>
#include <thread>

#include "client/limits.h"
#include "client/state/file.h"
#include "qnpc/crypto/sealed_box.h"

namespace qnpc::client {
namespace {

constexpr int64_t application_id = 0x514e5043;  // "QNPC"
constexpr int64_t version = 5;
constexpr std::string_view identity = "identity";
constexpr std::string_view token = "inbox_token";
constexpr std::string_view token_waits = "inbox_token_waits";
constexpr std::string_view certificate_chain = "certificates";
constexpr size_t identity_seed_size = 32;
constexpr size_t inbox_token_size = 32;

// The tables of version 5. AUTOINCREMENT: an id is part of what its value is sealed with, so it
// must never be given a second time.
constexpr const char* tables[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE records (scope INTEGER, name TEXT, value BLOB NOT NULL,"
    " PRIMARY KEY (scope, name))",
    "CREATE TABLE groups (id INTEGER PRIMARY KEY AUTOINCREMENT, value BLOB NOT NULL)",
    "CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL,"
    " shown INTEGER NOT NULL, value BLOB NOT NULL)",
    "CREATE INDEX unshown ON history (id) WHERE shown = 0",
    "CREATE TABLE outgoing (id INTEGER PRIMARY KEY AUTOINCREMENT, payload BLOB NOT NULL)",
    "CREATE TABLE deliveries (id INTEGER PRIMARY KEY AUTOINCREMENT, outgoing INTEGER NOT NULL,"
    " value BLOB NOT NULL)",
    "CREATE INDEX deliveries_of ON deliveries (outgoing)",
    "CREATE TABLE cursors (server BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE seen (id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB UNIQUE NOT NULL)",
    "CREATE TABLE intents (id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL,"
    " value BLOB NOT NULL)",
    "CREATE TABLE appends (id INTEGER PRIMARY KEY AUTOINCREMENT, group_id INTEGER NOT NULL,"
    " value BLOB NOT NULL)",
    "CREATE TABLE pins (address TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE contacts (id INTEGER PRIMARY KEY AUTOINCREMENT, value BLOB NOT NULL)",
    "PRAGMA application_id = 0x514e5043",
    "PRAGMA user_version = 5",
};

void create_tables(Database& database, const KeyRecipe& recipe) {
  for (const char* sql : tables) database.run(sql);
  // In the clear: it is needed before there is a key.
  Bytes encoded = codec::encode(recipe);
  database.run("INSERT INTO meta VALUES ('key', ?)", View(encoded));
}

KeyRecipe read_recipe(Database& database) {
  Query q = database.query("SELECT value FROM meta WHERE name = 'key'");
  if (!q.next()) throw Error(Reason::corrupt, "the state file does not say how its key is made");
  return codec::decode<KeyRecipe>(q.blob(0));
}

// Opens the file and takes its lock, which lasts until it is closed. BEGIN EXCLUSIVE is the first
// access, so that two processes cannot each hold half a lock.
Database lock(const std::string& path) {
  auto deadline = std::chrono::steady_clock::now() + limits::state_lock;
  for (;;) {
    try {
      Database database(path, limits::lock_retry);
      database.run("PRAGMA locking_mode = EXCLUSIVE");
      database.run("PRAGMA synchronous = FULL");
      database.run("PRAGMA secure_delete = ON");
      database.run("BEGIN EXCLUSIVE");
      database.run("COMMIT");
      return database;
    } catch (const Error& e) {
      if (e.reason() == Reason::corrupt) {
        throw Error(Reason::corrupt, path +
                                         " is not a state file of quicnprotochat, or it is "
                                         "damaged. It was left as it is");
      }
      if (e.reason() != Reason::unavailable) throw;
      if (std::chrono::steady_clock::now() >= deadline) {
        throw Error(Reason::unavailable, "another quicnprotochat-client is using " + path +
                                             ". Wait until it has ended, then try again");
      }
    }
    std::this_thread::sleep_for(limits::lock_retry);
  }
}

// Whether the file holds our tables; false for an empty one. Nothing is written.
bool has_tables(Database& database, const std::string& path) {
  int64_t id = database.integer("PRAGMA application_id");
  int64_t found = database.integer("PRAGMA user_version");
  if (id == 0 && found == 0 && database.integer("SELECT count(*) FROM sqlite_schema") == 0) {
    return false;
  }
  if (id != application_id) {
    throw Error(Reason::corrupt, path +
                                     " is the database of another program. Name another file "
                                     "with --state");
  }
  if (found < version) {
    throw Error(Reason::unsupported, path + " was written by an older quicnprotochat (version " +
                                         std::to_string(found) + " of the file). Name another " +
                                         "file with --state and register anew");
  }
  if (found != version) {
    throw Error(Reason::unsupported, path + " was written by a newer quicnprotochat (version " +
                                         std::to_string(found) + " of the file; this one knows " +
                                         std::to_string(version) + "). Use the newer program");
  }
  return true;
}

Error wrong_key(KeySource source) {
  return Error(Reason::unauthorized,
               source == KeySource::passphrase
                   ? "the passphrase does not open the state file. Try again"
                   : "the key file does not fit the state file. Name the right one with "
                     "--key-file");
}

}  // namespace

State::State(std::string path, Database database, Secret key, Random& random)
    : path_(std::move(path)), database_(std::move(database)), vault_(std::move(key), random) {}

std::unique_ptr<State> State::open(const std::string& path, Mode mode, const KeyOptions& options,
                                   Random& random, const std::optional<Secret>& seed) {
  if (!exists(path)) {
    if (mode == Mode::must_exist) {
      throw Error(Reason::io, "there is no state at " + path +
                                  ". Run `quicnprotochat-client register` first, or name the "
                                  "right file with --state");
    }
    create_private_folder(std::filesystem::absolute(path).parent_path());
    create_private_file(path, {});
  }
  Database database = lock(path);
  if (!has_tables(database, path)) {
    if (mode == Mode::must_exist) {
      throw Error(Reason::io, path + " is empty. Run `quicnprotochat-client register` first");
    }
    StateKey made = new_state_key(path, options, random);
    std::unique_ptr<State> state(new State(path, std::move(database), std::move(made.key), random));
    Transaction transaction(state->database_);
    create_tables(state->database_, made.recipe);
    state->make_identity(random, seed);
    transaction.commit();
    state->database_.run("PRAGMA journal_mode = WAL");
    return state;
  }
  KeyRecipe recipe = read_recipe(database);
  std::unique_ptr<State> state(
      new State(path, std::move(database), make_state_key(recipe, path, options), random));
  try {
    state->identity_seed();
  } catch (const Error&) {
    throw wrong_key(recipe.source);
  }
  return state;
}

std::unique_ptr<State> State::in_memory(Random& random) {
  std::unique_ptr<State> state(new State(":memory:", Database(":memory:", limits::lock_retry),
                                         random.secret(crypto::box_key_size), random));
  create_tables(state->database_, KeyRecipe{});
  state->make_identity(random, std::nullopt);
  return state;
}

void State::reacquire() {
  database_ = lock(path_);
  if (!has_tables(database_, path_)) throw Error(Reason::corrupt, path_ + " was emptied");
}

void State::make_identity(Random& random, const std::optional<Secret>& seed) {
  meta.put(identity, seed ? seed->reveal() : random.secret(identity_seed_size).reveal());
  meta.put(token, random.secret(inbox_token_size).reveal());
}

void State::renew_inbox_token(Random& random) {
  meta.put(token, random.secret(inbox_token_size).reveal());
  meta.put(token_waits, {});
}

bool State::inbox_token_waits() const { return meta.get(token_waits).has_value(); }

void State::inbox_token_is_set() { meta.erase(token_waits); }

Secret State::inbox_token() const {
  std::optional<Secret> found = meta.get(token);
  if (!found) throw Error(Reason::corrupt, "the state file holds no token for the inbox");
  return std::move(*found);
}

std::vector<Bytes> State::certificates() const {
  std::optional<Secret> found = meta.get(certificate_chain);
  if (!found) return {};
  return codec::decode<std::vector<Bytes>>(found->reveal());
}

void State::set_certificates(const std::vector<Bytes>& chain) {
  meta.put(certificate_chain, codec::encode(chain));
}

Secret State::identity_seed() const {
  std::optional<Secret> seed = meta.get(identity);
  if (!seed) throw Error(Reason::corrupt, "the state file holds no identity");
  return std::move(*seed);
}

}  // namespace qnpc::client
