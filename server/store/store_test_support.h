// store_test_support: what the tests of the store share: names from small numbers, and the reason
// with which a promise fails.
#pragma once

#include <kj/async.h>

#include "schemas/rpc_error.h"
#include "server/store/sqlite_store.h"

namespace qnpc::server {

inline OwnerKey owner(uint8_t number) {
  OwnerKey key{};
  key[0] = number;
  return key;
}

template <class Id>
Id id_of(uint32_t number) {
  Id id{};
  for (size_t i = 0; i < 4; ++i) id[i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}
inline MessageId message_id(uint32_t number) { return id_of<MessageId>(number); }
inline Fingerprint fingerprint(uint32_t number) { return id_of<Fingerprint>(number); }

/// The reason with which a promise fails; Reason::internal where it does not.
template <class T>
Reason failure(kj::Promise<T> promise, kj::WaitScope& scope) {
  return promise
      .then([](T&&) { return Reason::internal; },
            [](kj::Exception&& e) { return rpc::from_exception(e).reason(); })
      .wait(scope);
}

[[noreturn]] inline void must_not_fail(const Error& error) { throw error; }

}  // namespace qnpc::server
