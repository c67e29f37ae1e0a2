#include "qnpc/crypto/signature.h"

#include <sodium.h>

#include <algorithm>

#include "qnpc/base/error.h"
#include "qnpc/crypto/ec.h"
#include "qnpc/crypto/signature_key.h"

namespace qnpc::crypto {
namespace {

constexpr size_t ed448_key_size = 57;

struct Ecdsa {
  Curve curve;
  const char* digest;
};

Ecdsa ecdsa(SignatureScheme scheme) {
  switch (scheme) {
    case SignatureScheme::ecdsa_p256_sha256: return {Curve::p256, "SHA256"};
    case SignatureScheme::ecdsa_p384_sha384: return {Curve::p384, "SHA384"};
    case SignatureScheme::ecdsa_p521_sha512: return {Curve::p521, "SHA512"};
    default: throw Error(Reason::internal, "not an ECDSA scheme");
  }
}

// The seed is hashed again by every signature, so that nothing but it must be kept.
void ed25519_expand(View seed, MutableView secret_key, MutableView public_key) {
  if (seed.size() != crypto_sign_SEEDBYTES) {
    throw Error(Reason::bad_key, "an Ed25519 private key has 32 bytes");
  }
  crypto_sign_seed_keypair(public_key.data(), secret_key.data(), seed.data());
}

Bytes openssl_sign(EVP_PKEY* key, const char* digest, View message) {
  OwnedMdCtx ctx(must(EVP_MD_CTX_new()));
  must(EVP_DigestSignInit_ex(ctx.get(), nullptr, digest, nullptr, nullptr, key, nullptr));
  size_t size = 0;
  must(EVP_DigestSign(ctx.get(), nullptr, &size, message.data(), message.size()));
  Bytes out(size);
  must(EVP_DigestSign(ctx.get(), out.data(), &size, message.data(), message.size()));
  out.resize(size);  // a DER signature may be shorter than its bound
  return out;
}

bool openssl_verify(EVP_PKEY* key, const char* digest, View message, View signature) {
  OwnedMdCtx ctx(must(EVP_MD_CTX_new()));
  must(EVP_DigestVerifyInit_ex(ctx.get(), nullptr, digest, nullptr, nullptr, key, nullptr));
  return EVP_DigestVerify(ctx.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

}  // namespace

SignatureKeyPair generate_signature_key(SignatureScheme scheme, Random& random) {
  if (scheme == SignatureScheme::ed25519) {
    return signature_key_from_private(scheme, random.secret(crypto_sign_SEEDBYTES).reveal());
  }
  if (scheme == SignatureScheme::ed448) {
    return signature_key_from_private(scheme, random.secret(ed448_key_size).reveal());
  }
  Curve curve = ecdsa(scheme).curve;
  while (true) {  // uniform by rejection; P-521's scalars use 1 bit of their first byte
    Secret scalar = random.secret(scalar_size(curve));
    if (curve == Curve::p521) scalar.reveal_mutable()[0] &= 1;
    if (valid_scalar(curve, scalar.reveal())) {
      return signature_key_from_private(scheme, scalar.reveal());
    }
  }
}

SignatureKeyPair signature_key_from_private(SignatureScheme scheme, View private_key) {
  SignatureKeyPair key{Secret::copy_of(private_key), {}};
  if (scheme == SignatureScheme::ed25519) {
    Secret expanded(crypto_sign_SECRETKEYBYTES);
    key.public_key.resize(crypto_sign_PUBLICKEYBYTES);
    ed25519_expand(private_key, expanded.reveal_mutable(), key.public_key);
  } else if (scheme == SignatureScheme::ed448) {
    key.public_key = raw_public_half(raw_private_key(EVP_PKEY_ED448, private_key).get());
  } else {
    key.public_key = public_point(ecdsa(scheme).curve, private_key);
  }
  return key;
}

Bytes sign(SignatureScheme scheme, const SignatureKeyPair& key, View message) {
  if (scheme == SignatureScheme::ed25519) {
    if (key.private_key.size() != crypto_sign_SEEDBYTES ||
        key.public_key.size() != crypto_sign_PUBLICKEYBYTES) {
      throw Error(Reason::bad_key, "an Ed25519 key has 32 bytes");
    }
    // libsodium's secret key is the seed and the public key, one after the other.
    Secret expanded(crypto_sign_SECRETKEYBYTES);
    std::ranges::copy(key.private_key.reveal(), expanded.reveal_mutable().begin());
    std::ranges::copy(key.public_key, expanded.reveal_mutable().begin() + crypto_sign_SEEDBYTES);
    Bytes out(crypto_sign_BYTES);
    crypto_sign_detached(out.data(), nullptr, message.data(), message.size(),
                         expanded.reveal().data());
    return out;
  }
  if (scheme == SignatureScheme::ed448) {
    return openssl_sign(openssl_private_key(scheme, key).get(), nullptr, message);
  }
  return openssl_sign(openssl_private_key(scheme, key).get(), ecdsa(scheme).digest, message);
}

bool verify(SignatureScheme scheme, View public_key, View message, View signature) {
  if (scheme == SignatureScheme::ed25519) {
    return public_key.size() == crypto_sign_PUBLICKEYBYTES &&
           signature.size() == crypto_sign_BYTES &&
           crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                       public_key.data()) == 0;
  }
  try {
    OwnedPkey key = openssl_public_key(scheme, public_key);
    const char* digest = scheme == SignatureScheme::ed448 ? nullptr : ecdsa(scheme).digest;
    return openssl_verify(key.get(), digest, message, signature);
  } catch (const Error& error) {
    if (error.reason() == Reason::bad_key) return false;
    throw;
  }
}

bool valid_signature_key(SignatureScheme scheme, View public_key) {
  if (scheme == SignatureScheme::ed25519) {
    return public_key.size() == crypto_sign_PUBLICKEYBYTES;
  }
  if (scheme == SignatureScheme::ed448) return public_key.size() == ed448_key_size;
  try {
    ec_public_key(ecdsa(scheme).curve, public_key);
    return true;
  } catch (const Error&) {
    return false;
  }
}

OwnedPkey openssl_public_key(SignatureScheme scheme, View public_key) {
  if (scheme == SignatureScheme::ed25519) return raw_public_key(EVP_PKEY_ED25519, public_key);
  if (scheme == SignatureScheme::ed448) return raw_public_key(EVP_PKEY_ED448, public_key);
  return ec_public_key(ecdsa(scheme).curve, public_key);
}

OwnedPkey openssl_private_key(SignatureScheme scheme, const SignatureKeyPair& key) {
  View private_key = key.private_key.reveal();
  if (scheme == SignatureScheme::ed25519) return raw_private_key(EVP_PKEY_ED25519, private_key);
  if (scheme == SignatureScheme::ed448) return raw_private_key(EVP_PKEY_ED448, private_key);
  return ec_private_key(ecdsa(scheme).curve, private_key, key.public_key);
}

}  // namespace qnpc::crypto
