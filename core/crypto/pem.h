// pem: certificates and keys as files hold them (RFC 7468).
#pragma once

#include <vector>

#include "qnpc/base/bytes.h"
#include "qnpc/base/secret.h"

namespace qnpc::crypto {

/// All certificates in the text, as DER, in their order; what else stands there is passed over.
/// Throws Reason::malformed for one that does not parse, or where there is none, and
/// Reason::too_large for more than limits::certificates.
std::vector<Bytes> certificates_from_pem(View text);

/// The 32-byte seed of the Ed25519 key in the text, PKCS #8 without a passphrase. Throws
/// Reason::malformed where there is none.
Secret ed25519_key_from_pem(View text);

}  // namespace qnpc::crypto
