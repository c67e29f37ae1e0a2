// signature_key: the keys of signature.h as OpenSSL holds them. Private to this room.
#pragma once

#include "qnpc/crypto/openssl.h"
#include "qnpc/crypto/signature.h"

namespace qnpc::crypto {

/// Throw Reason::bad_key where the bytes are no key of the scheme.
OwnedPkey openssl_public_key(SignatureScheme scheme, View public_key);
OwnedPkey openssl_private_key(SignatureScheme scheme, const SignatureKeyPair& key);

}  // namespace qnpc::crypto
