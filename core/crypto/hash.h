// hash: SHA-2, HMAC (RFC 2104) and HKDF (RFC 5869), from OpenSSL.
#pragma once

#include <initializer_list>

#include "qnpc/base/bytes.h"
#include "qnpc/base/secret.h"

namespace qnpc::crypto {

enum class Hash { sha256, sha384, sha512 };

/// The digest's size in bytes: 32, 48 or 64.
size_t hash_size(Hash hash);

/// The digest of the parts, one after the other.
Bytes digest(Hash hash, std::initializer_list<View> parts);
inline Bytes digest(Hash hash, View data) { return digest(hash, {data}); }

/// HMAC of the parts, one after the other. The key may have any length.
Secret hmac(Hash hash, View key, std::initializer_list<View> parts);

/// HKDF-Extract: a pseudorandom key of hash_size bytes. An empty salt stands for zeros.
Secret hkdf_extract(Hash hash, View salt, View ikm);
/// HKDF-Expand. Throws Reason::too_large if length is over 255 digests.
Secret hkdf_expand(Hash hash, View prk, View info, size_t length);

}  // namespace qnpc::crypto
