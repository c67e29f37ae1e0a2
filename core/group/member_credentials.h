// member_credentials: whom a group believes. An identity is its signature key, whatever credential
// it shows: a basic one holds that key, a certificate is for it. A group can ask for certificates
// of a CA of its own; else they are carried and say nothing.
#pragma once

#include <optional>

#include "qnpc/mls/x509_credentials.h"

namespace qnpc::group {

class MemberCredentials final : public mls::CredentialPolicy {
 public:
  MemberCredentials() = default;
  /// Only those with a certificate that leads to one of these (DER). Throws crypto::ChainRefused
  /// for what is no certificate.
  explicit MemberCredentials(const std::vector<Bytes>& ca);
  /// The same for what others have accepted: whose clock is right, and whether a certificate has
  /// expired before it is read here, keeps nobody from following them.
  MemberCredentials at_any_time() const;

  void validate(const mls::Suite& suite, const mls::Credential& credential, View signature_key,
                UnixTime now) const override;
  /// The same of all: who stays in a group keeps the signature key, which GroupMember sees to, and
  /// may show another credential for it.
  Bytes identity(const mls::Credential&) const override { return {}; }
  bool proves_identity() const override { return false; }

 private:
  std::optional<mls::X509Credentials> certified_;
};

}  // namespace qnpc::group
