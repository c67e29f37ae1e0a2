// x509_test_ca: certificates for tests, good ones and such that no honest CA would issue. Not part
// of the room's library.
#pragma once

#include "qnpc/crypto/x509.h"

namespace qnpc::crypto {

/// What stands in a certificate, beside its key. The extensions are in OpenSSL's configuration
/// syntax; an empty one is left out.
struct TestCertificate {
  std::string name;  // the subject's common name
  UnixTime not_before{1'700'000'000};
  UnixTime not_after{1'900'000'000};
  std::string basic_constraints = "critical,CA:FALSE";
  std::string key_usage = "critical,digitalSignature";
  std::string alternative_names;  // "DNS:a.example,URI:im:alice@example.org"
  std::string name_constraints;
  std::string digest;  // empty: what fits the issuer's key
};
/// The same, of a CA.
TestCertificate test_ca_certificate(std::string name);

class TestCa {
 public:
  /// A root with a key of that scheme.
  TestCa(std::string name, SignatureScheme scheme, Random& random);
  /// A CA with a certificate from `issuer`.
  TestCa(const TestCa& issuer, const TestCertificate& content, SignatureScheme scheme,
         Random& random);

  const Bytes& certificate() const { return certificate_; }
  Bytes issue(const TestCertificate& content, SignatureScheme scheme,
              const SignatureKeyPair& subject) const;
  /// A certificate with this CA's signature in the place of its own, whatever it says; empty where
  /// it does not parse.
  Bytes sign_again(View certificate) const;

 private:
  std::string name_;
  SignatureScheme scheme_;
  SignatureKeyPair key_;
  Bytes certificate_;
};

}  // namespace qnpc::crypto
