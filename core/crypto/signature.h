// signature: Ed25519 (RFC 8032) from libsodium; Ed448 and ECDSA (FIPS 186-5) from OpenSSL.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/random.h"
#include "qnpc/base/secret.h"

namespace qnpc::crypto {

enum class SignatureScheme {
  ed25519,
  ed448,
  ecdsa_p256_sha256,
  ecdsa_p384_sha384,
  ecdsa_p521_sha512
};

/// Keys as RFC 9420 writes them. Private: the 32- or 57-byte EdDSA seed, or the ECDSA scalar, big
/// endian. Public: the raw EdDSA key, or the uncompressed point. Signatures: raw EdDSA, DER ECDSA.
struct SignatureKeyPair {
  Secret private_key;
  Bytes public_key;
};

SignatureKeyPair generate_signature_key(SignatureScheme scheme, Random& random);
/// Throws Reason::bad_key where the bytes are no private key of the scheme.
SignatureKeyPair signature_key_from_private(SignatureScheme scheme, View private_key);

/// `key` must have come from one of the functions above. ECDSA nonces come from OpenSSL.
Bytes sign(SignatureScheme scheme, const SignatureKeyPair& key, View message);
/// False for a bad signature and for a malformed key alike.
bool verify(SignatureScheme scheme, View public_key, View message, View signature);
/// Whether the bytes are a public key of the scheme.
bool valid_signature_key(SignatureScheme scheme, View public_key);

}  // namespace qnpc::crypto
