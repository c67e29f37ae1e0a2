#include "client/state/vault.h"

#include "qnpc/base/error.h"
#include "qnpc/crypto/hash.h"
#include "qnpc/crypto/sealed_box.h"

namespace qnpc::client {
namespace {

// Lengths before the parts, so that no two places have the same bytes.
Bytes aad_of(const Place& place) {
  codec::Writer w;
  w.opaque(as_view("quicnprotochat state 1"));
  w.opaque(as_view(place.table));
  w.opaque(as_view(place.column));
  w.opaque(as_view(place.row));
  return w.take();
}

}  // namespace

Bytes Vault::seal(const Place& place, View plaintext) const {
  return crypto::box_seal(key_, aad_of(place), plaintext, random_);
}

Secret Vault::open(const Place& place, View sealed) const {
  try {
    return crypto::box_open(key_, aad_of(place), sealed);
  } catch (const Error&) {
    throw Error(Reason::corrupt, "a value in table " + std::string(place.table) +
                                     " of the state file does not open: it was damaged or altered. "
                                     "Restore the state file from a backup");
  }
}

Bytes Vault::digest(View data) const {
  Secret mac = crypto::hmac(crypto::Hash::sha256, key_.reveal(), {as_view("seen"), data});
  return to_bytes(mac.reveal());
}

}  // namespace qnpc::client
