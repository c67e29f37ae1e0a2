// cipher_suite: a suite's algorithms, and the labelled operations built on them.
// RFC 9420 5.1, 5.2, 8 and 17.1.
#pragma once

#include <span>

#include "qnpc/crypto/hpke.h"
#include "qnpc/crypto/signature.h"
#include "qnpc/mls/code_points.h"

namespace qnpc::mls {

/// The algorithms of one suite. There is one constant object for each suite that we speak.
struct Suite {
  CipherSuite id;
  std::string_view name;
  crypto::HpkeSuite hpke;
  crypto::SignatureScheme signature;

  crypto::Hash hash() const { return hpke.kdf; }
  size_t hash_size() const { return crypto::hash_size(hash()); }        // KDF.Nh
  size_t key_size() const { return crypto::aead_key_size(hpke.aead); }  // AEAD.Nk
  crypto::Aead aead() const { return hpke.aead; }
  crypto::Kem kem() const { return hpke.kem; }
};

/// In the order of their numbers.
std::span<const Suite> supported_suites();
bool is_supported(CipherSuite id);
/// Throws Reason::unsupported for a suite that we do not speak.
const Suite& suite_of(CipherSuite id);

/// 5.2. Unlike the labels below, this one is taken as it stands.
Bytes ref_hash(const Suite& suite, std::string_view label, View value);
/// RefHash with its two labels.
Bytes make_key_package_ref(const Suite& suite, View key_package);
Bytes make_proposal_ref(const Suite& suite, View authenticated_content);

/// 5.1.2. `label` comes without "MLS 1.0 ".
Bytes sign_with_label(const Suite& suite, const crypto::SignatureKeyPair& key,
                      std::string_view label, View content);
bool verify_with_label(const Suite& suite, View public_key, std::string_view label, View content,
                       View signature);

/// 5.1.3.
crypto::HpkeCiphertext encrypt_with_label(const Suite& suite, View public_key,
                                          std::string_view label, View context, View plaintext,
                                          Random& random);
/// For many recipients of one label and context, with HPKE's two steps.
crypto::HpkeInfo encrypt_context(const Suite& suite, std::string_view label, View context);
Secret decrypt_with_label(const Suite& suite, const crypto::HpkeKeyPair& key,
                          std::string_view label, View context, View kem_output, View ciphertext);

/// Section 8.
Secret expand_with_label(const Suite& suite, View secret, std::string_view label, View context,
                         size_t length);
Secret derive_secret(const Suite& suite, View secret, std::string_view label);
/// Section 9.1.
Secret derive_tree_secret(const Suite& suite, View secret, std::string_view label,
                          uint32_t generation, size_t length);
/// MAC(key, data) of section 5.1: HMAC with the suite's hash.
Bytes mac(const Suite& suite, const Secret& key, View data);

}  // namespace qnpc::mls
