#include "qnpc/group/member_credentials.h"

namespace qnpc::group {
namespace {

// The CA knows whom it certifies, and the key is who it is: any name will do.
std::optional<Bytes> any_name(const crypto::CertificateNames&) { return Bytes(); }

}  // namespace

MemberCredentials::MemberCredentials(const std::vector<Bytes>& ca)
    : certified_(std::in_place, crypto::TrustAnchors(ca), any_name) {}

MemberCredentials MemberCredentials::at_any_time() const {
  MemberCredentials out;
  if (certified_) out.certified_ = certified_->at_any_time();
  return out;
}

void MemberCredentials::validate(const mls::Suite& suite, const mls::Credential& credential,
                                 View signature_key, UnixTime now) const {
  if (certified_) {
    mls::require(credential.credential_type == mls::CredentialType::x509,
                 mls::Reject::certificate_missing);
    return certified_->validate(suite, credential, signature_key, now);
  }
  const bool names_its_key = credential.credential_type == mls::CredentialType::basic &&
                             equal(credential.identity, signature_key);
  mls::require(names_its_key || credential.credential_type == mls::CredentialType::x509,
               mls::Reject::credential_mismatch);
}

}  // namespace qnpc::group
