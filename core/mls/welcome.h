// welcome: what a joiner is given. RFC 9420 12.4.3, wire structs and their cryptography.
#pragma once

#include "qnpc/mls/framing.h"
#include "qnpc/mls/key_schedule.h"

namespace qnpc::mls {

struct GroupInfo {
  GroupContext group_context;
  Extensions extensions;
  Bytes confirmation_tag;
  LeafIndex signer{};
  Bytes signature;
  static auto wire(auto& m) {
    return std::tie(m.group_context, m.extensions, m.confirmation_tag, m.signer, m.signature);
  }
  void sign(const Suite& suite, const crypto::SignatureKeyPair& key);
  bool verify(const Suite& suite, View signature_key) const;
};

struct PathSecret {
  Secret path_secret;
  static auto wire(auto& m) { return std::tie(m.path_secret); }
};

struct GroupSecrets {
  Secret joiner_secret;
  std::optional<PathSecret> path_secret;
  std::vector<PreSharedKeyId> psks;
  static auto wire(auto& m) { return std::tie(m.joiner_secret, m.path_secret, m.psks); }
};

struct EncryptedGroupSecrets {
  Bytes new_member;  // KeyPackageRef
  HpkeCiphertext encrypted_group_secrets;
  static auto wire(auto& m) { return std::tie(m.new_member, m.encrypted_group_secrets); }
};

struct Welcome {
  CipherSuite cipher_suite{};
  std::vector<EncryptedGroupSecrets> secrets;
  Bytes encrypted_group_info;
  static auto wire(auto& m) { return std::tie(m.cipher_suite, m.secrets, m.encrypted_group_info); }

  /// Null where none is for that KeyPackageRef.
  const EncryptedGroupSecrets* find(View key_package_ref) const;
};

Bytes encrypt_group_info(const Suite& suite, const Secret& welcome_secret, const GroupInfo& info);
/// Throws Reason::decrypt_failed.
GroupInfo decrypt_group_info(const Suite& suite, const Secret& welcome_secret, View encrypted);

/// One new member's share of a Welcome, and the randomness that its encryption takes.
struct WelcomeShare {
  const KeyPackage* new_member;
  GroupSecrets secrets;
  Secret seed;  // crypto::hpke_seed_size bytes
};
/// In the order of `shares`. Throws Reason::bad_key.
std::vector<EncryptedGroupSecrets> encrypt_group_secrets(const Suite& suite,
                                                         const std::vector<WelcomeShare>& shares,
                                                         View encrypted_group_info);
/// Throws Reason::decrypt_failed.
GroupSecrets decrypt_group_secrets(const Suite& suite, const crypto::HpkeKeyPair& init_key,
                                   const EncryptedGroupSecrets& secrets, View encrypted_group_info);

}  // namespace qnpc::mls
