#include "qnpc/mls/x509_credentials.h"

namespace qnpc::mls {
namespace {

Reject reject_of(crypto::ChainFault fault) {
  using crypto::ChainFault;
  switch (fault) {
    case ChainFault::malformed: return Reject::certificate_malformed;
    case ChainFault::too_long: return Reject::certificate_chain_too_long;
    case ChainFault::wrong_key: return Reject::certificate_wrong_key;
    case ChainFault::wrong_key_usage: return Reject::certificate_wrong_key_usage;
    case ChainFault::wrong_issuer: return Reject::certificate_wrong_issuer;
    case ChainFault::untrusted: return Reject::certificate_untrusted;
    case ChainFault::bad_signature: return Reject::certificate_bad_signature;
    case ChainFault::not_yet_valid: return Reject::certificate_not_yet_valid;
    case ChainFault::expired: return Reject::certificate_expired;
    case ChainFault::not_a_ca: return Reject::certificate_not_a_ca;
    case ChainFault::path_too_long: return Reject::certificate_path_too_long;
    case ChainFault::wrong_name: return Reject::certificate_wrong_name;
    case ChainFault::weak: return Reject::certificate_weak;
  }
  throw Error(Reason::internal, "a chain has a fault that has no name");
}

template <class Judge>
crypto::CertificateNames named(Judge&& judge) {
  try {
    return judge();
  } catch (const crypto::ChainRefused& refused) {
    throw Rejected(reject_of(refused.fault()));
  }
}

}  // namespace

Bytes X509Credentials::client_of(const crypto::CertificateNames& names) const {
  std::optional<Bytes> client = names_(names);
  require(client.has_value(), Reject::certificate_name_refused);
  return std::move(*client);
}

void X509Credentials::validate(const Suite& suite, const Credential& credential, View signature_key,
                               UnixTime now) const {
  require(credential.credential_type == CredentialType::x509, Reject::credential_refused);
  const std::optional<UnixTime> time = judges_time_ ? std::optional(now) : std::nullopt;
  client_of(named([&] {
    return crypto::validate_chain(credential.certificates, suite.signature, signature_key,
                                  {anchors_, time, longest_chain_});
  }));
}

Bytes X509Credentials::identity(const Credential& credential) const {
  require(credential.credential_type == CredentialType::x509, Reject::credential_refused);
  require(!credential.certificates.empty(), Reject::certificate_malformed);
  return client_of(
      named([&] { return crypto::certificate_names(credential.certificates.front()); }));
}

}  // namespace qnpc::mls
