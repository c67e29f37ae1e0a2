// pinning: which server we talk to is settled by its Noise static key: given by the person, or the
// one that the address showed at first, kept in the state.
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

class Pinning {
 public:
  /// `given`: 64 hex digits, or empty. `state` may be null, and outlives this. Throws
  /// Reason::usage.
  Pinning(const std::string& given, State* state);

  /// Throws Reason::pin_mismatch with both keys and what to do.
  void check(const std::string& address, const noise::PublicKey& key) const;
  /// After a handshake with a key that passed check(): pins it where it is new.
  Trust settle(const std::string& address, const noise::PublicKey& key) const;

 private:
  std::optional<Bytes> given_;
  State* state_;
};

}  // namespace qnpc::client
