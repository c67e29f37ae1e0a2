// credential_policy: whom a group believes. RFC 9420 5.3.1 leaves that to the application; this is
// what it is asked, and when 5.3.1, 7.3 and 12.2 ask it.
#pragma once

#include "qnpc/mls/leaf_node.h"

namespace qnpc::mls {

/// The application's part of the Authentication Service. Several threads may ask it at once.
class CredentialPolicy {
 public:
  virtual ~CredentialPolicy() = default;
  /// Rejects a credential that the application does not accept, now, from who holds that key.
  virtual void validate(const Suite& suite, const Credential& credential, View signature_key,
                        UnixTime now) const = 0;
  /// Whom a credential presents, also one that has expired since it was validated. A credential
  /// may follow another (5.3.1), and a client replace its own old leaf, if these are equal.
  virtual Bytes identity(const Credential& credential) const = 0;
  /// Whether validate() proves the identity. Where it does not, a leaf from outside replaces an old
  /// one only with the same signature key: anybody can claim a name.
  virtual bool proves_identity() const = 0;
};

/// Accepts every basic credential, and no other: a bare assertion of an identity (5.3).
class BasicCredentials : public CredentialPolicy {
 public:
  void validate(const Suite& suite, const Credential& credential, View signature_key,
                UnixTime now) const override;
  Bytes identity(const Credential& credential) const override { return credential.identity; }
  bool proves_identity() const override { return false; }
};
const CredentialPolicy& basic_credentials();

struct QueuedProposal;

/// What the caller decides: the time, the longest lifetime, and whose credentials it accepts.
/// `credentials` outlives it.
/// For what is processed, the time is best the one at which the message was accepted by the
/// delivery service: certificates that a commit brings may have expired since.
struct Policy {
  Policy(UnixTime now, const CredentialPolicy& accepted = basic_credentials())
      : lifetimes(now), credentials(accepted) {}
  Policy(const LifetimeRule& rule, const CredentialPolicy& accepted = basic_credentials())
      : lifetimes(rule), credentials(accepted) {}
  LifetimeRule lifetimes;
  const CredentialPolicy& credentials;
  /// Whether a valid proposal from another may wait for a commit (12.4: nobody sends meanwhile);
  /// null: all may. Others are rejected with proposal_refused.
  bool (*accepts_proposal)(const QueuedProposal&) = nullptr;
};

/// A credential that is new to the group (5.3.1).
void validate_credential(const Suite& suite, const LeafNode& leaf, const Policy& policy);

/// A member's own next leaf, in an Update or a path. What did not change is not judged again: who
/// reads old messages would refuse a credential that has expired since, and lose the group.
void validate_credential_change(const Suite& suite, const LeafNode& old, const LeafNode& next,
                                const Policy& policy);

/// The leaf of an external commit that removes `old`: the same client's (12.2).
void validate_resync(const LeafNode& old, const LeafNode& next, const Policy& policy);

/// The external_senders among `next`, unless they stand in `old` as they are (5.3.1).
void validate_external_senders(const Suite& suite, const Extensions& old, const Extensions& next,
                               const Policy& policy);

}  // namespace qnpc::mls
