#include "qnpc/crypto/x509.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "qnpc/base/limits.h"
#include "qnpc/crypto/signature_key.h"

namespace qnpc::crypto {
namespace {

using OwnedX509 = Owned<X509, X509_free>;
using OwnedStore = Owned<X509_STORE, X509_STORE_free>;
using OwnedStoreCtx = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
using OwnedBio = Owned<BIO, BIO_free>;
using OwnedNames = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;
// A stack that owns nothing, of certificates that somebody else holds.
void free_stack(STACK_OF(X509) * stack) { sk_X509_free(stack); }
void free_der(uint8_t* der) { OPENSSL_free(der); }
using OwnedDer = Owned<uint8_t, free_der>;
using BorrowedStack = Owned<STACK_OF(X509), free_stack>;

// Level 2 of OpenSSL: 112 bits, which excludes SHA-1 and RSA below 2048 bits.
constexpr int security_level = 2;

std::string describe(ChainFault fault) {
  switch (fault) {
    case ChainFault::malformed: return "a certificate is malformed";
    case ChainFault::too_long: return "the certificates are more or larger than is accepted";
    case ChainFault::wrong_key: return "the certificate is for another key";
    case ChainFault::wrong_key_usage: return "the certificate's key may not sign data";
    case ChainFault::wrong_issuer: return "a certificate was not issued by the next in its chain";
    case ChainFault::untrusted: return "the certificate's chain leads to no trust anchor";
    case ChainFault::bad_signature: return "a certificate's signature does not verify";
    case ChainFault::not_yet_valid: return "a certificate is not yet valid";
    case ChainFault::expired: return "a certificate has expired";
    case ChainFault::not_a_ca: return "a certificate's issuer may not issue certificates";
    case ChainFault::path_too_long: return "a certificate's issuer may not have so many below it";
    case ChainFault::wrong_name: return "a certificate's issuer may not issue for its names";
    case ChainFault::weak: return "a certificate's key or signature is too weak";
  }
  return "a certificate is refused";
}

void require(bool rule, ChainFault fault) {
  if (!rule) throw ChainRefused(fault);
}

ChainFault fault_of(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED: return ChainFault::untrusted;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE: return ChainFault::bad_signature;
    case X509_V_ERR_CERT_NOT_YET_VALID: return ChainFault::not_yet_valid;
    case X509_V_ERR_CERT_HAS_EXPIRED: return ChainFault::expired;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE: return ChainFault::not_a_ca;
    case X509_V_ERR_PATH_LENGTH_EXCEEDED: return ChainFault::path_too_long;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG: return ChainFault::too_long;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK: return ChainFault::weak;
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX: return ChainFault::wrong_name;
    case X509_V_ERR_OUT_OF_MEM: throw Error(Reason::internal, "OpenSSL is out of memory");
    default: return ChainFault::malformed;  // one of many rules of RFC 5280
  }
}

OwnedX509 parse(View der) {
  require(der.size() <= limits::certificate, ChainFault::too_long);
  const uint8_t* at = der.data();
  OwnedX509 certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  require(certificate && at == der.data() + der.size(), ChainFault::malformed);
  // OpenSSL also reads BER; of one certificate there is one encoding.
  uint8_t* again = nullptr;
  int size = i2d_X509(certificate.get(), &again);
  OwnedDer owned(again);
  require(size >= 0 && equal(View(again, static_cast<size_t>(size)), der), ChainFault::malformed);
  return certificate;
}

void require_order(const std::vector<OwnedX509>& chain) {
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    int result = X509_check_issued(chain[i + 1].get(), chain[i].get());
    require(result != X509_V_ERR_KEYUSAGE_NO_CERTSIGN, ChainFault::not_a_ca);
    require(result == X509_V_OK, ChainFault::wrong_issuer);
  }
}

// OpenSSL verifies the chain that it builds, which may end at an anchor before ours does, or hold
// an anchor in the place of a certificate that only claims to be it.
void require_signatures(const std::vector<OwnedX509>& chain) {
  for (size_t i = 0; i + 1 < chain.size(); ++i) {
    EVP_PKEY* issuer = X509_get0_pubkey(chain[i + 1].get());
    require(issuer != nullptr, ChainFault::malformed);
    require(X509_verify(chain[i].get(), issuer) == 1, ChainFault::bad_signature);
  }
}

void require_key(X509* certificate, SignatureScheme scheme, View signature_key) {
  EVP_PKEY* key = X509_get0_pubkey(certificate);
  require(key != nullptr, ChainFault::malformed);
  require(valid_signature_key(scheme, signature_key), ChainFault::wrong_key);
  OwnedPkey expected = openssl_public_key(scheme, signature_key);
  require(EVP_PKEY_eq(key, expected.get()) == 1, ChainFault::wrong_key);
  require((X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) != 0,
          ChainFault::wrong_key_usage);
}

void verify(const std::vector<OwnedX509>& chain, const ChainRules& rules) {
  BorrowedStack others(must(sk_X509_new_null()));
  for (const OwnedX509& certificate : chain) must(sk_X509_push(others.get(), certificate.get()));
  OwnedStoreCtx ctx(must(X509_STORE_CTX_new()));
  must(X509_STORE_CTX_init(ctx.get(), rules.anchors.store(), chain.front().get(), others.get()));
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(ctx.get());
  if (rules.now) {
    X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(rules.now->seconds));
  } else {
    must(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME));
  }
  X509_VERIFY_PARAM_set_auth_level(param, security_level);
  X509_VERIFY_PARAM_set_depth(param, static_cast<int>(rules.longest));
  // An anchor need not be a root; and certificates are held to the whole of RFC 5280.
  must(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT));
  if (X509_verify_cert(ctx.get()) != 1) {
    throw ChainRefused(fault_of(X509_STORE_CTX_get_error(ctx.get())));
  }
}

std::string text(const ASN1_STRING* string) {
  return to_text(
      View(ASN1_STRING_get0_data(string), static_cast<size_t>(ASN1_STRING_length(string))));
}

CertificateNames names(X509* certificate) {
  CertificateNames out;
  OwnedBio bio(must(BIO_new(BIO_s_mem())));
  constexpr unsigned long flags =
      XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  require(X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, flags) >= 0,
          ChainFault::malformed);
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  out.subject.assign(data, static_cast<size_t>(size));

  int found = 0;  // -1: there are none; -2: twice, or not what they should be
  OwnedNames alternatives(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, nullptr)));
  require(alternatives || found == -1, ChainFault::malformed);
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    int type = 0;
    void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(alternatives.get(), i), &type);
    auto* list = type == GEN_DNS     ? &out.dns
                 : type == GEN_EMAIL ? &out.emails
                 : type == GEN_URI   ? &out.uris
                                     : nullptr;
    if (list != nullptr) list->push_back(text(static_cast<const ASN1_STRING*>(value)));
  }
  return out;
}

}  // namespace

ChainRefused::ChainRefused(ChainFault why) : Error(Reason::rejected, describe(why)), fault_(why) {}

TrustAnchors::TrustAnchors(const std::vector<Bytes>& certificates) {
  OwnedStore store(must(X509_STORE_new()));
  for (const Bytes& der : certificates) must(X509_STORE_add_cert(store.get(), parse(der).get()));
  store_ = {store.release(), X509_STORE_free};
}

CertificateNames validate_chain(const std::vector<Bytes>& chain, SignatureScheme scheme,
                                View signature_key, const ChainRules& rules) {
  require(!chain.empty(), ChainFault::malformed);
  require(chain.size() <= std::min(rules.longest, limits::certificates), ChainFault::too_long);
  std::vector<OwnedX509> certificates;
  for (const Bytes& der : chain) certificates.push_back(parse(der));
  require_key(certificates.front().get(), scheme, signature_key);
  require_order(certificates);
  verify(certificates, rules);
  require_signatures(certificates);
  return names(certificates.front().get());
}

void require_certified_key(View certificate, SignatureScheme scheme, View signature_key) {
  require_key(parse(certificate).get(), scheme, signature_key);
}

CertificateNames certificate_names(View certificate) { return names(parse(certificate).get()); }

}  // namespace qnpc::crypto
