// identity: who a client is, an Ed25519 key pair. The raw 32-byte public half is the identity key
// by which the services know it, and the content of its MLS basic credential.
#pragma once

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

  View identity_key() const { return key_.public_key; }
  const Secret& seed() const { return key_.private_key; }
  const crypto::SignatureKeyPair& key_pair() const { return key_; }
  /// 32 bytes, or none.
  const Secret& inbox_token() const { return inbox_token_; }

 private:
  explicit Identity(crypto::SignatureKeyPair key) : key_(std::move(key)) {}
  crypto::SignatureKeyPair key_;
  Secret inbox_token_;
};

}  // namespace qnpc::group
