// parameters: what the services demand of what a caller sends, checked at the door.
#pragma once

#include <capnp/blob.h>

#include <algorithm>
#include <string>

#include "qnpc/base/error.h"
#include "qnpc/crypto/hash.h"
#include "server/store/store.h"

namespace qnpc::server {

/// Throws Reason::malformed unless the data has exactly the size of a T.
template <class T>
T exactly(capnp::Data::Reader data, const char* what) {
  T value{};
  if (data.size() != value.size()) {
    throw Error(Reason::malformed, std::string(what) + " has " + std::to_string(data.size()) +
                                       " bytes, not " + std::to_string(value.size()));
  }
  std::copy(data.begin(), data.end(), value.begin());
  return value;
}

inline OwnerKey owner_key(capnp::Data::Reader data, const char* what) {
  return exactly<OwnerKey>(data, what);
}

/// What the store knows of a token.
inline TokenHash hash_of_token(capnp::Data::Reader data, const char* what) {
  auto token = exactly<ByteArray<32>>(data, what);
  TokenHash hash{};
  std::ranges::copy(crypto::digest(crypto::Hash::sha256, token), hash.begin());
  return hash;
}

/// Throws Reason::too_large over the limit.
inline Bytes at_most(capnp::Data::Reader data, size_t limit, const char* what) {
  if (data.size() > limit) {
    throw Error(Reason::too_large, std::string(what) + " has " + std::to_string(data.size()) +
                                       " bytes, at most " + std::to_string(limit) +
                                       " are accepted");
  }
  return Bytes(data.begin(), data.end());
}

inline capnp::Data::Reader as_data(View view) { return {view.data(), view.size()}; }

}  // namespace qnpc::server
