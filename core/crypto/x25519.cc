#include "qnpc/crypto/x25519.h"

#include <sodium.h>

#include "qnpc/base/error.h"

namespace qnpc::crypto {

X25519KeyPair generate_x25519_key(Random& random) {
  Secret private_key = random.secret(x25519_key_size);
  return x25519_key_from_private(private_key.reveal());
}

X25519KeyPair x25519_key_from_private(View private_key) {
  if (private_key.size() != x25519_key_size) {
    throw Error(Reason::bad_key, "an X25519 private key has 32 bytes");
  }
  X25519KeyPair key{Secret::copy_of(private_key), {}};
  crypto_scalarmult_base(key.public_key.data(), private_key.data());
  return key;
}

Secret x25519(const Secret& private_key, View peer_public_key) {
  if (private_key.size() != x25519_key_size || peer_public_key.size() != x25519_key_size) {
    throw Error(Reason::bad_key, "an X25519 key has 32 bytes");
  }
  Secret out(x25519_key_size);
  // libsodium answers -1 where the result is zero.
  if (crypto_scalarmult(out.reveal_mutable().data(), private_key.reveal().data(),
                        peer_public_key.data()) != 0) {
    throw Error(Reason::bad_key, "the peer's X25519 key has low order");
  }
  return out;
}

}  // namespace qnpc::crypto
