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

LabeledKdf kdf_of(const HpkeSuite& suite) {
  Bytes suite_id = to_bytes(std::string_view("HPKE"));
  for (uint16_t id : {kem_id(suite.kem), kdf_id(suite.kdf), aead_id(suite.aead)}) {
    suite_id.push_back(static_cast<uint8_t>(id >> 8));
    suite_id.push_back(static_cast<uint8_t>(id));
  }
  return LabeledKdf(suite.kdf, std::move(suite_id));
}

// KeySchedule of base mode, RFC 9180 5.1. Everything hangs on `secret` and `key_schedule_context`.
class Context {
 public:
  Context(const HpkeInfo& info, const Secret& shared_secret)
      : info_(info),
        kdf_(kdf_of(info.suite)),
        secret_(kdf_.extract(shared_secret.reveal(), "secret", {})) {}

  Bytes seal(View aad, View plaintext) const {
    return aead_seal(info_.suite.aead, key().reveal(), base_nonce().reveal(), aad, plaintext);
  }
  Secret open(View aad, View ciphertext) const {
    return aead_open(info_.suite.aead, key().reveal(), base_nonce().reveal(), aad, ciphertext);
  }
  Secret exported(View exporter_context, size_t length) const {
    Secret exporter_secret = expand("exp", hash_size(info_.suite.kdf));
    return kdf_.expand(exporter_secret.reveal(), "sec", exporter_context, length);
  }

 private:
  Secret expand(std::string_view label, size_t length) const {
    return kdf_.expand(secret_.reveal(), label, info_.key_schedule_context, length);
  }
  Secret key() const { return expand("key", aead_key_size(info_.suite.aead)); }
  Secret base_nonce() const { return expand("base_nonce", aead_nonce_size); }

  const HpkeInfo& info_;
  LabeledKdf kdf_;
  Secret secret_;
};

HpkeEncapsulation encapsulate(Kem kem, View public_key, Random& random) {
  return hpke_encapsulate(kem, public_key, random.secret(hpke_seed_size(kem)).reveal());
}

}  // namespace

HpkeInfo::HpkeInfo(const HpkeSuite& of, View info) : suite(of) {
  constexpr uint8_t mode_base = 0;
  LabeledKdf kdf = kdf_of(suite);
  key_schedule_context.push_back(mode_base);
  append(key_schedule_context, kdf.extract({}, "psk_id_hash", {}).reveal());
  append(key_schedule_context, kdf.extract({}, "info_hash", info).reveal());
}

HpkeCiphertext hpke_seal(const HpkeInfo& info, HpkeEncapsulation to, View aad, View plaintext) {
  return {std::move(to.kem_output), Context(info, to.shared_secret).seal(aad, plaintext)};
}

HpkeCiphertext hpke_seal(const HpkeSuite& suite, View public_key, View info, View aad,
                         View plaintext, Random& random) {
  return hpke_seal(HpkeInfo(suite, info), encapsulate(suite.kem, public_key, random), aad,
                   plaintext);
}

Secret hpke_open(const HpkeSuite& suite, const HpkeKeyPair& key, View kem_output, View info,
                 View aad, View ciphertext) {
  HpkeInfo with(suite, info);
  return Context(with, decap(suite.kem, key, kem_output)).open(aad, ciphertext);
}

HpkeExport hpke_send_export(const HpkeSuite& suite, View public_key, View info,
                            View exporter_context, size_t length, Random& random) {
  auto [shared_secret, kem_output] = encapsulate(suite.kem, public_key, random);
  HpkeInfo with(suite, info);
  return {std::move(kem_output), Context(with, shared_secret).exported(exporter_context, length)};
}

Secret hpke_receive_export(const HpkeSuite& suite, const HpkeKeyPair& key, View kem_output,
                           View info, View exporter_context, size_t length) {
  HpkeInfo with(suite, info);
  return Context(with, decap(suite.kem, key, kem_output)).exported(exporter_context, length);
}

}  // namespace qnpc::crypto
