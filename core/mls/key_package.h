// key_package: what a client publishes so that others can add it. RFC 9420 section 10.
#pragma once

#include "qnpc/mls/credential_policy.h"

namespace qnpc::mls {

struct KeyPackage {
  ProtocolVersion version = ProtocolVersion::mls10;
  CipherSuite cipher_suite{};
  Bytes init_key;
  LeafNode leaf_node;
  Extensions extensions;
  Bytes signature;
  static auto wire(auto& m) {
    return std::tie(m.version, m.cipher_suite, m.init_key, m.leaf_node, m.extensions, m.signature);
  }

  void sign(const Suite& suite, const crypto::SignatureKeyPair& key);
  /// KeyPackageRef, 5.2.
  Bytes ref() const;
  /// Whether it says that it may be used more than once (16.8, last_resort).
  bool is_last_resort() const;
};

/// The private halves of a KeyPackage that we made; they are used for one Welcome and erased.
struct KeyPackageKeys {
  crypto::HpkeKeyPair init;
  crypto::HpkeKeyPair encryption;
};

struct NewKeyPackage {
  KeyPackage key_package;
  KeyPackageKeys keys;
};
/// A KeyPackage with key pairs of its own. `leaf` says who the client is and what it can do: its
/// signature key is `signer`'s, its encryption key is made here, its lifetime is the caller's.
/// Throws Reason::usage for extensions that its capabilities do not list (10), and rejects a leaf
/// as require_own_support().
NewKeyPackage new_key_package(const Suite& suite, LeafNode leaf,
                              const crypto::SignatureKeyPair& signer, Random& random,
                              Extensions extensions = {});

/// Everything of 10.1 that depends neither on a group nor on the time, and the credential (7.3).
void validate_key_package(const KeyPackage& key_package, const Policy& policy);

}  // namespace qnpc::mls
