// state: everything that one person's client keeps, in one SQLite file. docs/client-state.md.
//
// One process at a time: the file is locked from open to close. Every value is sealed (vault.h).
#pragma once

#include <memory>
#include <string>

#include "client/state/contacts.h"
#include "client/state/state_key.h"
#include "client/state/tables.h"

namespace qnpc::client {

class State {
 public:
  enum class Mode { must_exist, create_if_missing };

  /// `seed`: of the identity, where the file is made; without it, random.
  /// Throws Reason::io where the file is missing or cannot be used, Reason::unavailable where
  /// another process has it, Reason::corrupt for a file that is not ours or damaged,
  /// Reason::unsupported for one of a newer version, Reason::unauthorized for a wrong passphrase or
  /// key.
  static std::unique_ptr<State> open(const std::string& path, Mode mode, const KeyOptions& options,
                                     Random& random,
                                     const std::optional<Secret>& seed = std::nullopt);
  /// One that is gone with the process.
  static std::unique_ptr<State> in_memory(Random& random);

  /// Lets other processes use the file until reacquire(), which throws as open() does. Nothing else
  /// may be called in between.
  void release() { database_.close(); }
  void reacquire();

  /// The seed of our Ed25519 identity key.
  Secret identity_seed() const;
  /// The certificates for that key, DER, its own first; none where it shows none.
  std::vector<Bytes> certificates() const;
  void set_certificates(const std::vector<Bytes>& chain);
  /// Another one from now on, which the server has to be given.
  void renew_inbox_token(Random& random);
  /// Whether it was renewed and the server may still have the one before.
  bool inbox_token_waits() const;
  void inbox_token_is_set();
  /// 32 bytes that deliver into our inbox.
  Secret inbox_token() const;
  Database& database() { return database_; }
  Records group_records(GroupRef group) { return Records(store_, group); }

 private:
  State(std::string path, Database database, Secret key, Random& random);
  void make_identity(Random& random, const std::optional<Secret>& seed);

  std::string path_;
  Database database_;
  Vault vault_;
  Store store_{database_, vault_};

 public:
  Meta meta{store_};
  Records key_packages{store_, no_group};
  Groups groups{store_};
  History history{store_};
  Intents intents{store_};
  Appends appends{store_};
  Outbox outbox{store_};
  Inbox inbox{store_};
  Pins pins{store_};
  Contacts contacts{store_};
};

}  // namespace qnpc::client
