#include "qnpc/noise/symmetric_state.h"

#include <algorithm>

#include "qnpc/base/error.h"
#include "qnpc/crypto/hash.h"

namespace qnpc::noise {
namespace {

using crypto::Hash;

HandshakeHash sha256(std::initializer_list<View> parts) {
  HandshakeHash out;
  std::ranges::copy(crypto::digest(Hash::sha256, parts), out.begin());
  return out;
}

// HKDF(ck, ikm, 2) of 4.3 is RFC 5869 with ck as the salt and no info: both outputs in a row.
class TwoKeys {
 public:
  TwoKeys(View ck, View ikm)
      : keys_(crypto::hkdf_expand(
            Hash::sha256, crypto::hkdf_extract(Hash::sha256, ck, ikm).reveal(), {}, 2 * hash_len)) {
  }

  View first() const { return keys_.reveal().first(hash_len); }
  View second() const { return keys_.reveal().subspan(hash_len); }

 private:
  Secret keys_;
};

}  // namespace

SymmetricState::SymmetricState(std::string_view protocol_name) {
  // A name that fits is padded with zeros, a longer one is hashed.
  if (protocol_name.size() <= hash_len) {
    std::ranges::copy(protocol_name, h_.begin());
  } else {
    h_ = sha256({as_view(protocol_name)});
  }
  ck_ = Secret::copy_of(h_);
}

void SymmetricState::mix_key(View input_key_material) {
  TwoKeys keys(ck_.reveal(), input_key_material);
  ck_ = Secret::copy_of(keys.first());
  cipher_ = CipherState(keys.second());
}

void SymmetricState::mix_hash(View data) { h_ = sha256({h_, data}); }

void SymmetricState::encrypt_and_hash(Bytes& out, View plaintext) {
  const size_t begin = out.size();
  out.resize(begin + plaintext.size() + cipher_.overhead());
  MutableView ciphertext = MutableView(out).subspan(begin);
  cipher_.encrypt_with_ad(ciphertext, h_, plaintext);
  mix_hash(ciphertext);
}

Bytes SymmetricState::decrypt_and_hash(View ciphertext) {
  if (ciphertext.size() < cipher_.overhead()) {
    throw Error(Reason::decrypt_failed, "a Noise ciphertext that is shorter than its tag");
  }
  Bytes plaintext(ciphertext.size() - cipher_.overhead());
  cipher_.decrypt_with_ad(plaintext, h_, ciphertext);
  mix_hash(ciphertext);
  return plaintext;
}

std::pair<CipherState, CipherState> SymmetricState::split() const {
  TwoKeys keys(ck_.reveal(), {});
  return {CipherState(keys.first()), CipherState(keys.second())};
}

}  // namespace qnpc::noise
