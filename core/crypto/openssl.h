// openssl: owning pointers and the one way in which a call that cannot fail is checked.
// Private to this room.
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <memory>

#include "qnpc/base/bytes.h"
#include "qnpc/base/error.h"
#include "qnpc/base/secret.h"

namespace qnpc::crypto {

template <auto free>
struct Freer {
  template <class T>
  void operator()(T* p) const {
    free(p);
  }
};
template <class T, auto free>
using Owned = std::unique_ptr<T, Freer<free>>;

using OwnedPkey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedPkeyCtx = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using OwnedMdCtx = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using OwnedCipherCtx = Owned<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using OwnedBignum = Owned<BIGNUM, BN_clear_free>;

/// For calls that fail only when memory is out or OpenSSL is broken.
inline void must(int ok) {
  if (ok <= 0) throw Error(Reason::internal, "an OpenSSL call failed that cannot fail");
}
template <class T>
T* must(T* pointer) {
  if (pointer == nullptr) throw Error(Reason::internal, "OpenSSL is out of memory");
  return pointer;
}

/// For Ed448 and X448, which OpenSSL calls raw keys. Throw Reason::bad_key.
OwnedPkey raw_private_key(int type, View private_key);
OwnedPkey raw_public_key(int type, View public_key);
Bytes raw_public_half(const EVP_PKEY* key);
/// The Diffie-Hellman secret of two keys of one kind. Throws Reason::bad_key.
Secret derive_shared(EVP_PKEY* private_key, EVP_PKEY* peer);

}  // namespace qnpc::crypto
