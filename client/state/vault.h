// vault: what makes a value unreadable on the disk, and unmovable: each is sealed under the state's
// key together with the table, column and row that it stands in.
#pragma once

#include <string_view>

#include "qnpc/base/random.h"
#include "qnpc/base/secret.h"
#include "qnpc/codec/wire.h"

namespace qnpc::client {

/// The place of a value. `row` is the primary key in words.
struct Place {
  std::string_view table;
  std::string_view column;
  std::string_view row;
};

class Vault {
 public:
  /// `key` has crypto::box_key_size bytes. `random` outlives the vault.
  Vault(Secret key, Random& random) : key_(std::move(key)), random_(random) {}

  Bytes seal(const Place& place, View plaintext) const;
  /// Throws Reason::corrupt for a value that was altered or stands in another place.
  Secret open(const Place& place, View sealed) const;

  /// A digest of public bytes that says nothing to whoever lacks the key.
  Bytes digest(View data) const;

 private:
  Secret key_;
  Random& random_;
};

/// Seals a struct with `wire`; opens it again, whole.
template <class T>
Bytes seal_struct(const Vault& vault, const Place& place, const T& value) {
  return vault.seal(place, codec::encode_secret(value).reveal());
}
template <class T>
T open_struct(const Vault& vault, const Place& place, View sealed) {
  return codec::decode<T>(vault.open(place, sealed).reveal());
}

}  // namespace qnpc::client
