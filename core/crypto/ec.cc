#include "qnpc/crypto/ec.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

namespace qnpc::crypto {
namespace {

using OwnedGroup = Owned<EC_GROUP, EC_GROUP_free>;
using OwnedPoint = Owned<EC_POINT, EC_POINT_clear_free>;
using OwnedParamBuild = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using OwnedParams = Owned<OSSL_PARAM, OSSL_PARAM_free>;

const char* group_name(Curve curve) {
  switch (curve) {
    case Curve::p256: return "P-256";
    case Curve::p384: return "P-384";
    case Curve::p521: return "P-521";
  }
  throw Error(Reason::internal, "no such curve");
}

const EC_GROUP* group(Curve curve) {
  static const OwnedGroup p256(must(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)));
  static const OwnedGroup p384(must(EC_GROUP_new_by_curve_name(NID_secp384r1)));
  static const OwnedGroup p521(must(EC_GROUP_new_by_curve_name(NID_secp521r1)));
  switch (curve) {
    case Curve::p256: return p256.get();
    case Curve::p384: return p384.get();
    case Curve::p521: return p521.get();
  }
  throw Error(Reason::internal, "no such curve");
}

// "Secure", so that parameters built from it are cleansed when they are freed.
OwnedBignum bignum(View bytes) {
  OwnedBignum out(must(BN_secure_new()));
  must(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), out.get()));
  return out;
}

OwnedPkey from_params(Curve curve, int selection, const BIGNUM* scalar, View point) {
  OwnedParamBuild build(must(OSSL_PARAM_BLD_new()));
  must(OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, group_name(curve),
                                       0));
  must(OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                        point.size()));
  if (scalar != nullptr) {
    must(OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar));
  }
  OwnedParams params(must(OSSL_PARAM_BLD_to_param(build.get())));
  OwnedPkeyCtx ctx(must(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr)));
  must(EVP_PKEY_fromdata_init(ctx.get()));
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(ctx.get(), &key, selection, params.get()) <= 0) {
    throw Error(Reason::bad_key, "the bytes are no point on the curve");
  }
  return OwnedPkey(key);
}

void require_uncompressed(Curve curve, View point) {
  if (point.size() != 1 + 2 * scalar_size(curve) || point[0] != 4) {
    throw Error(Reason::bad_key, "the bytes are no uncompressed point of this curve");
  }
}

}  // namespace

size_t scalar_size(Curve curve) {
  switch (curve) {
    case Curve::p256: return 32;
    case Curve::p384: return 48;
    case Curve::p521: return 66;
  }
  throw Error(Reason::internal, "no such curve");
}

bool valid_scalar(Curve curve, View scalar) {
  if (scalar.size() != scalar_size(curve)) return false;
  OwnedBignum value = bignum(scalar);
  return !BN_is_zero(value.get()) && BN_cmp(value.get(), EC_GROUP_get0_order(group(curve))) < 0;
}

Bytes public_point(Curve curve, View scalar) {
  if (!valid_scalar(curve, scalar)) {
    throw Error(Reason::bad_key, "the bytes are no private key of this curve");
  }
  OwnedBignum value = bignum(scalar);
  BN_set_flags(value.get(), BN_FLG_CONSTTIME);
  OwnedPoint point(must(EC_POINT_new(group(curve))));
  must(EC_POINT_mul(group(curve), point.get(), value.get(), nullptr, nullptr, nullptr));
  Bytes out(1 + 2 * scalar_size(curve));
  if (EC_POINT_point2oct(group(curve), point.get(), POINT_CONVERSION_UNCOMPRESSED, out.data(),
                         out.size(), nullptr) != out.size()) {
    throw Error(Reason::internal, "OpenSSL could not write a point");
  }
  return out;
}

OwnedPkey ec_public_key(Curve curve, View point) {
  require_uncompressed(curve, point);
  return from_params(curve, EVP_PKEY_PUBLIC_KEY, nullptr, point);
}

OwnedPkey ec_private_key(Curve curve, View scalar, View point) {
  require_uncompressed(curve, point);
  if (!valid_scalar(curve, scalar)) {
    throw Error(Reason::bad_key, "the bytes are no private key of this curve");
  }
  return from_params(curve, EVP_PKEY_KEYPAIR, bignum(scalar).get(), point);
}

}  // namespace qnpc::crypto
