// x509: chains of certificates (RFC 5280), judged by OpenSSL for the credentials of RFC 9420 5.3.
// Whom to trust and the time are arguments: no clock, no folder of the system's, no network, hence
// no revocation either.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "qnpc/base/error.h"
#include "qnpc/base/time.h"
#include "qnpc/crypto/signature.h"

struct x509_store_st;  // X509_STORE

namespace qnpc::crypto {

/// Why a chain is refused.
enum class ChainFault {
  malformed,        // a certificate is not DER, or not as RFC 5280 demands; or there is none
  too_long,         // more certificates, or larger ones, than the caller or limits.h allow
  wrong_key,        // the first is for another key than the one that it comes with
  wrong_key_usage,  // the first's key may not sign data
  wrong_issuer,     // one was not issued by the one after it
  untrusted,        // it ends without having reached a trust anchor
  bad_signature,    // one is not signed by its issuer
  not_yet_valid,
  expired,
  not_a_ca,       // an issuer may not issue
  path_too_long,  // an issuer may not have so many below it (pathLenConstraint)
  wrong_name,     // the first's names are not those that an issuer may issue for
  weak,           // a key or a hash of less than 112 bits of security
};

/// Reason::rejected, with the fault.
class ChainRefused : public Error {
 public:
  explicit ChainRefused(ChainFault why);
  ChainFault fault() const { return fault_; }

 private:
  ChainFault fault_;
};

/// Whom the caller trusts: roots, or CAs below them. Cheap to copy.
class TrustAnchors {
 public:
  /// One DER certificate each. Throws ChainRefused (malformed, too_long).
  explicit TrustAnchors(const std::vector<Bytes>& certificates);
  x509_store_st* store() const { return store_.get(); }

 private:
  std::shared_ptr<x509_store_st> store_;
};

/// The identifiers that a certificate presents, byte for byte as it has them: compare them whole.
struct CertificateNames {
  std::string subject;  // as RFC 4514 writes it, the last first: "CN=Alice,O=Example"; UTF-8
  std::vector<std::string> dns;  // these three of subjectAltName
  std::vector<std::string> emails;
  std::vector<std::string> uris;
};

struct ChainRules {
  const TrustAnchors& anchors;
  std::optional<UnixTime> now;  // none: whether a certificate is valid at a time is not judged
  size_t longest;               // certificates in the chain, at most limits::certificates
};

/// Judges a chain of DER certificates, the first for `signature_key`, each other one the issuer of
/// the one before it; its end may be left out as far as the anchors go. Throws ChainRefused.
CertificateNames validate_chain(const std::vector<Bytes>& chain, SignatureScheme scheme,
                                View signature_key, const ChainRules& rules);

/// Throws ChainRefused unless the certificate is for that key, which may sign; judges nothing else.
void require_certified_key(View certificate, SignatureScheme scheme, View signature_key);

/// The names alone, of one that was judged before. Throws ChainRefused (malformed, too_long).
CertificateNames certificate_names(View certificate);

}  // namespace qnpc::crypto
