// pinning: which server we talk to is settled by its Noise static key: given by the person, or the
// one that the address showed at first, kept in the state. With it the suite is kept that the
// server has spoken, so that a known server is never spoken to in a lesser one.
#pragma once

#include <optional>
#include <string>

#include "client/connection.h"
#include "client/state/state.h"

namespace qnpc::client {

enum class Trust {
  given,      // the key is the one of --server-key
  pinned,     // the key is the one that the state holds for the address
  first_use,  // the key was seen for the first time, and is in the state now
  unchecked,  // neither a key was given nor is there a state
};
std::string_view name(Trust trust);

/// How a server is known.
struct Pin {
  noise::PublicKey key{};
  noise::Suite suite = noise::Suite::classic;  // the best one that it has spoken with us
};
std::optional<Pin> find_pin(const State& state, const std::string& address);
void put_pin(State& state, const std::string& address, const Pin& pin);

class Pinning {
 public:
  /// `given`: 64 hex digits, or empty. `suite`: what we are about to speak. `state` may be null,
  /// and outlives this. Throws Reason::usage.
  Pinning(const std::string& given, noise::Suite suite, State* state);

  /// What refuses another server than the one at that address: throws Reason::pin_mismatch with
  /// both keys, or the suite, and what to do. The state is looked at now, and not when it is
  /// called.
  CheckServerKey check_for(const std::string& address) const;
  /// After a handshake with a key that passed: pins it where it is new, and a better suite.
  Trust settle(const std::string& address, const noise::PublicKey& key) const;

 private:
  void check(const std::string& address, const std::optional<Pin>& pin,
             const noise::PublicKey& key) const;
  void check_suite(const std::string& address, const Pin& pin) const;

  std::optional<Bytes> given_;
  noise::Suite suite_;
  State* state_;
};

}  // namespace qnpc::client
