// identity: who a client is, an Ed25519 key pair. The raw 32-byte public half is the identity key
// by which the services know it, and what its MLS credential is for: a basic one, or certificates.
#pragma once

#include <vector>

#include "qnpc/base/random.h"
#include "qnpc/crypto/signature.h"

namespace qnpc::group {

inline constexpr size_t identity_key_size = 32;

class Identity {
 public:
  static Identity generate(Random& random);
  /// From the 32-byte seed that `seed` gives. Throws Reason::bad_key.
  static Identity from_seed(View seed);
  /// The same with a token that delivers into its inbox, for those who may invite it to know.
  Identity with_inbox_token(View token) const;

  /// The same with a chain of certificates (DER, its own first) to show in place of a bare key.
  Identity with_certificates(std::vector<Bytes> chain) const;

  View identity_key() const { return key_.public_key; }
  const Secret& seed() const { return key_.private_key; }
  const crypto::SignatureKeyPair& key_pair() const { return key_; }
  /// 32 bytes, or none.
  const Secret& inbox_token() const { return inbox_token_; }
  const std::vector<Bytes>& certificates() const { return certificates_; }

 private:
  explicit Identity(crypto::SignatureKeyPair key) : key_(std::move(key)) {}
  crypto::SignatureKeyPair key_;
  Secret inbox_token_;
  std::vector<Bytes> certificates_;
};

}  // namespace qnpc::group
