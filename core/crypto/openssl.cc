#include "qnpc/crypto/openssl.h"

namespace qnpc::crypto {

OwnedPkey raw_private_key(int type, View private_key) {
  OwnedPkey key(
      EVP_PKEY_new_raw_private_key(type, nullptr, private_key.data(), private_key.size()));
  if (!key) throw Error(Reason::bad_key, "the private key has the wrong size");
  return key;
}

OwnedPkey raw_public_key(int type, View public_key) {
  OwnedPkey key(EVP_PKEY_new_raw_public_key(type, nullptr, public_key.data(), public_key.size()));
  if (!key) throw Error(Reason::bad_key, "the public key has the wrong size");
  return key;
}

Bytes raw_public_half(const EVP_PKEY* key) {
  size_t size = 0;
  must(EVP_PKEY_get_raw_public_key(key, nullptr, &size));
  Bytes out(size);
  must(EVP_PKEY_get_raw_public_key(key, out.data(), &size));
  return out;
}

Secret derive_shared(EVP_PKEY* private_key, EVP_PKEY* peer) {
  OwnedPkeyCtx ctx(must(EVP_PKEY_CTX_new(private_key, nullptr)));
  must(EVP_PKEY_derive_init(ctx.get()));
  size_t size = 0;
  if (EVP_PKEY_derive_set_peer(ctx.get(), peer) <= 0 ||
      EVP_PKEY_derive(ctx.get(), nullptr, &size) <= 0) {
    throw Error(Reason::bad_key, "the peer's key fits no agreement");
  }
  Secret out(size);
  if (EVP_PKEY_derive(ctx.get(), out.reveal_mutable().data(), &size) <= 0) {
    throw Error(Reason::bad_key, "the peer's key yields no secret");
  }
  return out;
}

}  // namespace qnpc::crypto
