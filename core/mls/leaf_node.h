// leaf_node: a member's keys, credential and capabilities. RFC 9420 5.3, 7.2 and 7.3.
#pragma once

#include "qnpc/base/limits.h"
#include "qnpc/base/time.h"
#include "qnpc/mls/cipher_suite.h"
#include "qnpc/mls/extension.h"

namespace qnpc::mls {

struct Credential {
  CredentialType credential_type = CredentialType::basic;
  Bytes identity;                   // basic
  std::vector<Bytes> certificates;  // x509, the end-entity's first, DER
  static Credential read(codec::Reader& r);
  void write(auto& w) const;
  friend bool operator==(const Credential&, const Credential&) = default;
};

/// One entry of the external_senders extension, 12.1.8.1.
struct ExternalSender {
  Bytes signature_key;
  Credential credential;
  static auto wire(auto& m) { return std::tie(m.signature_key, m.credential); }
};
using ExternalSenders = std::vector<ExternalSender>;

struct Capabilities {
  template <class T>
  using List = SmallVector<T, 6>;  // as many as fit in 16 bytes: each member of a group has five
  List<ProtocolVersion> versions;
  List<CipherSuite> cipher_suites;
  List<ExtensionType> extensions;
  List<ProposalType> proposals;
  List<CredentialType> credentials;
  static auto wire(auto& m) {
    return std::tie(m.versions, m.cipher_suites, m.extensions, m.proposals, m.credentials);
  }
  friend bool operator==(const Capabilities&, const Capabilities&) = default;

  bool supports(ExtensionType type) const;  // true for the default types
  bool supports(ProposalType type) const;   // likewise
  bool supports(CredentialType type) const;
  /// Every type in a list. Rejects one that names a type twice (13.4).
  bool support(const Extensions& all) const;
  /// Types that 7.2 forbids to list, because every client supports them.
  bool list_defaults() const;
};

/// In seconds since 1970.
struct Lifetime {
  uint64_t not_before = 0;
  uint64_t not_after = 0;
  static auto wire(auto& m) { return std::tie(m.not_before, m.not_after); }
  friend bool operator==(const Lifetime&, const Lifetime&) = default;
};

/// Where a leaf that did not come in a KeyPackage stands: part of what its signature covers.
struct LeafPosition {
  View group_id;
  LeafIndex leaf_index;
};

struct LeafNode {
  SmallBytes encryption_key;
  SmallBytes signature_key;
  Credential credential;
  Capabilities capabilities;
  LeafNodeSource leaf_node_source = LeafNodeSource::key_package;
  Lifetime lifetime;       // source key_package only
  SmallBytes parent_hash;  // source commit only
  Extensions extensions;
  Bytes signature;

  static LeafNode read(codec::Reader& r);
  void write(auto& w) const;
  friend bool operator==(const LeafNode&, const LeafNode&) = default;

  /// The same client with new keys, without the fields that only the old source has; unsigned.
  LeafNode renewed(LeafNodeSource source, View new_encryption_key, View new_signature_key) const;

  /// `position` is left out for source key_package, and only for it. Throws Reason::usage for
  /// capabilities that list_defaults().
  void sign(const Suite& suite, const crypto::SignatureKeyPair& key,
            const std::optional<LeafPosition>& position);
  bool verify(const Suite& suite, const std::optional<LeafPosition>& position) const;

 private:
  void write_tbs_fields(auto& w) const;
  Bytes tbs(const std::optional<LeafPosition>& position) const;
};

/// What 7.3 asks of a leaf by itself: source, signature, keys, and require_own_support().
/// `position` as above.
void validate_leaf(const Suite& suite, const LeafNode& leaf, LeafNodeSource expected_source,
                   const std::optional<LeafPosition>& position);
/// Its extensions, each once, and its credential's type are among its capabilities.
void require_own_support(const LeafNode& leaf);

/// What the extensions of a GroupContext ask of each member (7.3, 11.1, 13.4). Made ready once for
/// all of them: these lists and those of the capabilities may be as long as a message.
struct GroupNeeds {
  /// Rejects required_capabilities that do not parse (malformed_extension).
  explicit GroupNeeds(const Extensions& group_context_extensions);
  // Each ascending, every type once, without the default types.
  std::vector<ExtensionType> extensions;
  RequiredCapabilities required;
};
/// Whether the leaf fits a group that needs that.
void require_group_support(const LeafNode& leaf, const GroupNeeds& needs);
/// What lifetimes are judged by: the time, and the longest that the application accepts (7.2).
struct LifetimeRule {
  static constexpr uint64_t default_longest =
      std::chrono::seconds(limits::key_package_lifetime_accepted).count();

  LifetimeRule(UnixTime at, uint64_t seconds = default_longest) : now(at), longest(seconds) {}
  UnixTime now;
  uint64_t longest;  // in seconds
};
/// 7.2: it is no longer than the application's maximum.
void require_bounded(const Lifetime& lifetime, const LifetimeRule& rule);
/// 7.3: the time is within it.
void require_current(const Lifetime& lifetime, const LifetimeRule& rule);

void Credential::write(auto& w) const {
  codec::write(w, credential_type);
  if (credential_type == CredentialType::x509) {
    codec::write(w, certificates);
  } else {
    codec::write(w, identity);
  }
}

void LeafNode::write_tbs_fields(auto& w) const {
  codec::write(w, encryption_key);
  codec::write(w, signature_key);
  codec::write(w, credential);
  codec::write(w, capabilities);
  codec::write(w, leaf_node_source);
  if (leaf_node_source == LeafNodeSource::key_package) codec::write(w, lifetime);
  if (leaf_node_source == LeafNodeSource::commit) codec::write(w, parent_hash);
  codec::write(w, extensions);
}

void LeafNode::write(auto& w) const {
  write_tbs_fields(w);
  codec::write(w, signature);
}

}  // namespace qnpc::mls
