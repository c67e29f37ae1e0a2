// x509_credentials: credentials that are certificates, RFC 9420 5.3.
#pragma once

#include <functional>

#include "qnpc/crypto/x509.h"
#include "qnpc/mls/credential_policy.h"

namespace qnpc::mls {

/// Accepts chains that lead to a trust anchor and are for a client that the application knows.
class X509Credentials final : public CredentialPolicy {
 public:
  /// The client that the names stand for, in the application's own words, or nothing where it
  /// accepts none of them. Equal answers are the same client. Several threads may ask it at once.
  using NamePolicy = std::function<std::optional<Bytes>(const crypto::CertificateNames&)>;

  X509Credentials(crypto::TrustAnchors anchors, NamePolicy names,
                  size_t longest_chain = limits::certificates)
      : anchors_(std::move(anchors)), names_(std::move(names)), longest_chain_(longest_chain) {}

  /// The same for what was accepted some time ago: it may have expired since.
  X509Credentials at_any_time() const {
    X509Credentials out = *this;
    out.judges_time_ = false;
    return out;
  }

  void validate(const Suite& suite, const Credential& credential, View signature_key,
                UnixTime now) const override;
  Bytes identity(const Credential& credential) const override;
  bool proves_identity() const override { return true; }

 private:
  Bytes client_of(const crypto::CertificateNames& names) const;

  crypto::TrustAnchors anchors_;
  NamePolicy names_;
  size_t longest_chain_;
  bool judges_time_ = true;
};

}  // namespace qnpc::mls
