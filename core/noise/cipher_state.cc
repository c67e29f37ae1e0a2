#include "qnpc/noise/cipher_state.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "qnpc/base/error.h"
#include "qnpc/base/secret.h"

namespace qnpc::noise {
namespace {

using Nonce = ByteArray<crypto::aead_nonce_size>;

constexpr uint64_t max_nonce = std::numeric_limits<uint64_t>::max();  // reserved for rekey (4.2)

crypto::AeadKey chacha_poly(View key) { return {crypto::Aead::chacha20_poly1305, key}; }

// 32 bits of zeros, then n in little-endian order (12.3).
Nonce nonce_of(uint64_t n) {
  Nonce out{};
  for (size_t i = 0; i < 8; ++i) out[4 + i] = static_cast<uint8_t>(n >> (8 * i));
  return out;
}

void require_unused(uint64_t n) {
  if (n == max_nonce) throw Error(Reason::exhausted, "every nonce of this Noise key was used");
}

}  // namespace

CipherState::CipherState(View key, uint64_t n) : key_(chacha_poly(key)), n_(n) {}

void CipherState::encrypt_with_ad(MutableView out, View ad, View plaintext) {
  if (!key_) {
    if (!plaintext.empty()) std::memmove(out.data(), plaintext.data(), plaintext.size());
    return;
  }
  require_unused(n_);
  key_->seal_into(out, nonce_of(n_), ad, plaintext);
  ++n_;
}

void CipherState::decrypt_with_ad(MutableView out, View ad, View ciphertext) {
  if (!key_) {
    if (!ciphertext.empty()) std::memmove(out.data(), ciphertext.data(), ciphertext.size());
    return;
  }
  require_unused(n_);
  key_->open_into(out, nonce_of(n_), ad, ciphertext);
  ++n_;
}

void CipherState::rekey() {
  if (!key_) throw Error(Reason::internal, "rekey of a Noise cipher without a key");
  // REKEY(k): the first 32 bytes of ENCRYPT(k, maxnonce, zerolen, zeros) (4.2).
  Secret sealed(key_size + tag_size);
  key_->seal_into(sealed.reveal_mutable(), nonce_of(max_nonce), {},
                  sealed.reveal().first(key_size));
  key_ = chacha_poly(sealed.reveal().first(key_size));
}

}  // namespace qnpc::noise
