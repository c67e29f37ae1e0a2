// ec: the NIST curves, from OpenSSL, as HPKE and ECDSA need them. Private to this room.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/secret.h"
#include "qnpc/crypto/openssl.h"

namespace qnpc::crypto {

enum class Curve { p256, p384, p521 };

size_t scalar_size(Curve curve);  // bytes of a field element: 32, 48 or 66

/// Whether the big-endian bytes are a scalar from 1 to the group's order - 1.
bool valid_scalar(Curve curve, View scalar);
/// The uncompressed point scalar * G. Throws Reason::bad_key unless valid_scalar.
Bytes public_point(Curve curve, View scalar);
/// A key for OpenSSL from an uncompressed point. Throws Reason::bad_key for a point that is not on
/// the curve, or compressed, or at infinity.
OwnedPkey ec_public_key(Curve curve, View point);
OwnedPkey ec_private_key(Curve curve, View scalar, View point);

}  // namespace qnpc::crypto
