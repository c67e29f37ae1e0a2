#include "qnpc/crypto/hpke.h"

#include "qnpc/crypto/kem.h"

namespace qnpc::crypto {
namespace {

uint16_t kdf_id(Hash hash) {
  switch (hash) {
    case Hash::sha256: return 1;
    case Hash::sha384: return 2;
    case Hash::sha512: return 3;
  }
  return 0;
}

uint16_t aead_id(Aead aead) {
  switch (aead) {
    case Aead::aes_128_gcm: return 1;
    case Aead::aes_256_gcm: return 2;
    case Aead::chacha20_poly1305: return 3;
  }
  return 0;
}

// KeySchedule of base mode, RFC 9180 5.1. Everything hangs on `secret` and `key_schedule_context`.
class Context {
 public:
  Context(const HpkeSuite& suite, const Secret& shared_secret, View info)
      : suite_(suite), kdf_(suite.kdf, suite_id(suite)) {
    constexpr uint8_t mode_base = 0;
    Secret psk_id_hash = kdf_.extract({}, "psk_id_hash", {});
    Secret info_hash = kdf_.extract({}, "info_hash", info);
    key_schedule_context_.push_back(mode_base);
    append(key_schedule_context_, psk_id_hash.reveal());
    append(key_schedule_context_, info_hash.reveal());
    secret_ = kdf_.extract(shared_secret.reveal(), "secret", {});
  }

  Bytes seal(View aad, View plaintext) const {
    return aead_seal(suite_.aead, key().reveal(), base_nonce().reveal(), aad, plaintext);
  }
  Secret open(View aad, View ciphertext) const {
    return aead_open(suite_.aead, key().reveal(), base_nonce().reveal(), aad, ciphertext);
  }
  Secret exported(View exporter_context, size_t length) const {
    Secret exporter_secret = expand("exp", hash_size(suite_.kdf));
    return kdf_.expand(exporter_secret.reveal(), "sec", exporter_context, length);
  }

 private:
  static Bytes suite_id(const HpkeSuite& suite) {
    Bytes out = to_bytes(std::string_view("HPKE"));
    for (uint16_t id : {kem_id(suite.kem), kdf_id(suite.kdf), aead_id(suite.aead)}) {
      out.push_back(static_cast<uint8_t>(id >> 8));
      out.push_back(static_cast<uint8_t>(id));
    }
    return out;
  }
  Secret expand(std::string_view label, size_t length) const {
    return kdf_.expand(secret_.reveal(), label, key_schedule_context_, length);
  }
  Secret key() const { return expand("key", aead_key_size(suite_.aead)); }
  Secret base_nonce() const { return expand("base_nonce", aead_nonce_size); }

  HpkeSuite suite_;
  LabeledKdf kdf_;
  Bytes key_schedule_context_;
  Secret secret_;
};

}  // namespace

HpkeCiphertext hpke_seal(const HpkeSuite& suite, View public_key, View info, View aad,
                         View plaintext, Random& random) {
  auto [shared_secret, kem_output] = encap(suite.kem, public_key, random);
  return {std::move(kem_output), Context(suite, shared_secret, info).seal(aad, plaintext)};
}

Secret hpke_open(const HpkeSuite& suite, const HpkeKeyPair& key, View kem_output, View info,
                 View aad, View ciphertext) {
  return Context(suite, decap(suite.kem, key, kem_output), info).open(aad, ciphertext);
}

HpkeExport hpke_send_export(const HpkeSuite& suite, View public_key, View info,
                            View exporter_context, size_t length, Random& random) {
  auto [shared_secret, kem_output] = encap(suite.kem, public_key, random);
  Context context(suite, shared_secret, info);
  return {std::move(kem_output), context.exported(exporter_context, length)};
}

Secret hpke_receive_export(const HpkeSuite& suite, const HpkeKeyPair& key, View kem_output,
                           View info, View exporter_context, size_t length) {
  Context context(suite, decap(suite.kem, key, kem_output), info);
  return context.exported(exporter_context, length);
}

}  // namespace qnpc::crypto
