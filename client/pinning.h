// pinning: which server we talk to is settled by its Noise static key: given by the person, in the
// address or by itself, or the one that the address showed at first, kept in the state. With it the
// suite is kept that the server has spoken, so that a known server is never spoken to in a lesser
// one.
#pragma once

#include <optional>
#include <string>

#include "client/connection.h"
#include "client/options.h"
#include "client/state/state.h"
#include "schemas/server_address.h"

namespace qnpc::client {

enum class Trust {
  given,      // the key is the one of the address or of --server-key
  pinned,     // the key is the one that the state holds for the address
  first_use,  // the key was seen for the first time, and is in the state now
  unchecked,  // neither a key was given nor is there a state
};
std::string_view name(Trust trust);

/// What the options say of the server. Each throws Reason::usage.
rpc::ServerAddress server_address(const Options& options);
std::optional<rpc::ServerAddress> delivery_address(const Options& options);  // without a key
/// The key that the address has, or that `server_key` (64 hex digits, or empty) is.
std::optional<noise::PublicKey> given_key(const std::string& server_key,
                                          const rpc::ServerAddress& address);

/// How a server is known.
struct Pin {
  noise::PublicKey key{};
  noise::Suite suite = noise::Suite::classic;  // the best one that it has spoken with us
  uint16_t delivery_port = 0;                  // what it said of itself; 0: we have not asked
};
/// `address`: of a server, or a key in hexadecimal that was given in the place of an address's own.
std::optional<Pin> find_pin(const State& state, const std::string& address);
void put_pin(State& state, const std::string& address, const Pin& pin);
/// Where the address is known by that key.
void note_delivery_port(State& state, const std::string& address, const noise::PublicKey& key,
                        uint16_t port);

class Pinning {
 public:
  /// `suite`: what we are about to speak. `state` may be null, and outlives this.
  Pinning(const std::optional<noise::PublicKey>& given, noise::Suite suite, State* state)
      : given_(given), suite_(suite), state_(state) {}

  /// What refuses another server than the one at that address: throws Reason::pin_mismatch with
  /// both keys, or the suite, and what to do. The state is looked at now, and not when it is
  /// called.
  CheckServerKey check_for(const std::string& address) const;
  /// After a handshake with a key that passed: pins it where it is new, and a better suite. A key
  /// that was given and is not the address's own is pinned by itself, for its suite.
  Trust settle(const std::string& address, const noise::PublicKey& key) const;

 private:
  void check(const std::string& address, const std::optional<Pin>& pin,
             const std::optional<Pin>& pin_of_given, const noise::PublicKey& key) const;
  void check_suite(const std::string& address, const Pin& pin) const;

  std::optional<noise::PublicKey> given_;
  noise::Suite suite_;
  State* state_;
};

}  // namespace qnpc::client
