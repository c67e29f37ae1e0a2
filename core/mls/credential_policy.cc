#include "qnpc/mls/credential_policy.h"

namespace qnpc::mls {

void BasicCredentials::validate(const Suite&, const Credential& credential, View, UnixTime) const {
  require(credential.credential_type == CredentialType::basic, Reject::credential_refused);
}

const CredentialPolicy& basic_credentials() {
  static const BasicCredentials policy;
  return policy;
}

void validate_credential(const Suite& suite, const LeafNode& leaf, const Policy& policy) {
  policy.credentials.validate(suite, leaf.credential, leaf.signature_key, policy.lifetimes.now);
}

void validate_credential_change(const Suite& suite, const LeafNode& old, const LeafNode& next,
                                const Policy& policy) {
  if (next.credential == old.credential && next.signature_key == old.signature_key) return;
  validate_credential(suite, next, policy);
  const CredentialPolicy& p = policy.credentials;
  require(p.identity(old.credential) == p.identity(next.credential),
          Reject::credential_not_successor);
}

void validate_resync(const LeafNode& old, const LeafNode& next, const Policy& policy) {
  require(next.encryption_key != old.encryption_key, Reject::encryption_key_unchanged);
  const CredentialPolicy& p = policy.credentials;
  require(p.identity(old.credential) == p.identity(next.credential),
          Reject::credential_not_successor);
  require(p.proves_identity() || next.signature_key == old.signature_key,
          Reject::credential_not_successor);
}

void validate_external_senders(const Suite& suite, const Extensions& old, const Extensions& next,
                               const Policy& policy) {
  constexpr auto type = ExtensionType::external_senders;
  const Bytes* before = find_extension(old, type);
  const Bytes* after = find_extension(next, type);
  if (after == nullptr || (before != nullptr && *before == *after)) return;
  const ExternalSenders senders = *get_extension<ExternalSenders>(next, type);
  for (const ExternalSender& sender : senders) {
    policy.credentials.validate(suite, sender.credential, sender.signature_key,
                                policy.lifetimes.now);
  }
}

}  // namespace qnpc::mls
