#include "qnpc/crypto/x509_test_ca.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "qnpc/crypto/signature_key.h"

namespace qnpc::crypto {
namespace {

using OwnedX509 = Owned<X509, X509_free>;
using OwnedExtension = Owned<X509_EXTENSION, X509_EXTENSION_free>;

const char* digest_for(SignatureScheme scheme) {
  switch (scheme) {
    case SignatureScheme::ecdsa_p256_sha256: return "SHA256";
    case SignatureScheme::ecdsa_p384_sha384: return "SHA384";
    case SignatureScheme::ecdsa_p521_sha512: return "SHA512";
    default: return nullptr;  // EdDSA hashes by itself
  }
}

void set_common_name(X509_NAME* out, const std::string& name) {
  must(X509_NAME_add_entry_by_txt(out, "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const uint8_t*>(name.data()),
                                  static_cast<int>(name.size()), -1, 0));
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX ctx;
  X509V3_set_ctx(&ctx, issuer, certificate, nullptr, nullptr, 0);
  OwnedExtension extension(must(X509V3_EXT_conf_nid(nullptr, &ctx, nid, value.c_str())));
  must(X509_add_ext(certificate, extension.get(), -1));
}

Bytes der(X509* certificate) {
  Bytes out(static_cast<size_t>(i2d_X509(certificate, nullptr)));
  uint8_t* at = out.data();
  must(i2d_X509(certificate, &at));
  return out;
}

// Null where it does not parse.
OwnedX509 parse(View der) {
  const uint8_t* at = der.data();
  return OwnedX509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

void sign(X509* certificate, EVP_PKEY* key, const char* digest) {
  must(X509_sign(certificate, key, digest == nullptr ? nullptr : EVP_get_digestbyname(digest)));
}

// `issuer_certificate` is empty for one that signs itself.
Bytes make(const TestCertificate& content, EVP_PKEY* key, const std::string& issuer_name,
           EVP_PKEY* issuer_key, const Bytes& issuer_certificate, const char* default_digest) {
  OwnedX509 out(must(X509_new()));
  X509* x = out.get();
  must(X509_set_version(x, X509_VERSION_3));
  must(ASN1_INTEGER_set(X509_get_serialNumber(x), 1));
  set_common_name(X509_get_subject_name(x), content.name);
  set_common_name(X509_get_issuer_name(x), issuer_name);
  must(ASN1_TIME_set(X509_getm_notBefore(x), static_cast<time_t>(content.not_before.seconds)));
  must(ASN1_TIME_set(X509_getm_notAfter(x), static_cast<time_t>(content.not_after.seconds)));
  must(X509_set_pubkey(x, key));
  OwnedX509 issuer;
  if (!issuer_certificate.empty()) issuer.reset(must(parse(issuer_certificate).release()));
  add_extension(x, x, NID_subject_key_identifier, "hash");
  add_extension(x, issuer ? issuer.get() : x, NID_authority_key_identifier, "keyid:always");
  add_extension(x, x, NID_basic_constraints, content.basic_constraints);
  add_extension(x, x, NID_key_usage, content.key_usage);
  add_extension(x, x, NID_subject_alt_name, content.alternative_names);
  add_extension(x, x, NID_name_constraints, content.name_constraints);
  sign(x, issuer_key, content.digest.empty() ? default_digest : content.digest.c_str());
  return der(x);
}

}  // namespace

TestCertificate test_ca_certificate(std::string name) {
  return {.name = std::move(name),
          .basic_constraints = "critical,CA:TRUE",
          .key_usage = "critical,keyCertSign"};
}

TestCa::TestCa(std::string name, SignatureScheme scheme, Random& random)
    : name_(std::move(name)), scheme_(scheme), key_(generate_signature_key(scheme, random)) {
  OwnedPkey key = openssl_private_key(scheme, key_);
  certificate_ =
      make(test_ca_certificate(name_), key.get(), name_, key.get(), {}, digest_for(scheme));
}

TestCa::TestCa(const TestCa& issuer, const TestCertificate& content, SignatureScheme scheme,
               Random& random)
    : name_(content.name),
      scheme_(scheme),
      key_(generate_signature_key(scheme, random)),
      certificate_(issuer.issue(content, scheme, key_)) {}

Bytes TestCa::issue(const TestCertificate& content, SignatureScheme scheme,
                    const SignatureKeyPair& subject) const {
  OwnedPkey key = openssl_public_key(scheme, subject.public_key);
  OwnedPkey issuer_key = openssl_private_key(scheme_, key_);
  return make(content, key.get(), name_, issuer_key.get(), certificate_, digest_for(scheme_));
}

Bytes TestCa::sign_again(View certificate) const {
  OwnedX509 parsed = parse(certificate);
  if (!parsed) return {};
  sign(parsed.get(), openssl_private_key(scheme_, key_).get(), digest_for(scheme_));
  return der(parsed.get());
}

}  // namespace qnpc::crypto
