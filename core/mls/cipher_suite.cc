#include "qnpc/mls/cipher_suite.h"

#include "qnpc/base/error.h"
#include "qnpc/codec/writer.h"

namespace qnpc::mls {
namespace {

using crypto::Aead;
using crypto::Hash;
using crypto::Kem;
using crypto::SignatureScheme;

constexpr Suite suites[] = {
    {CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519,
     "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
     {Kem::dhkem_x25519, Hash::sha256, Aead::aes_128_gcm},
     SignatureScheme::ed25519},
    {CipherSuite::mls_128_dhkemp256_aes128gcm_sha256_p256,
     "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
     {Kem::dhkem_p256, Hash::sha256, Aead::aes_128_gcm},
     SignatureScheme::ecdsa_p256_sha256},
    {CipherSuite::mls_128_dhkemx25519_chacha20poly1305_sha256_ed25519,
     "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
     {Kem::dhkem_x25519, Hash::sha256, Aead::chacha20_poly1305},
     SignatureScheme::ed25519},
    {CipherSuite::mls_256_dhkemx448_aes256gcm_sha512_ed448,
     "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448",
     {Kem::dhkem_x448, Hash::sha512, Aead::aes_256_gcm},
     SignatureScheme::ed448},
    {CipherSuite::mls_256_dhkemp521_aes256gcm_sha512_p521,
     "MLS_256_DHKEMP521_AES256GCM_SHA512_P521",
     {Kem::dhkem_p521, Hash::sha512, Aead::aes_256_gcm},
     SignatureScheme::ecdsa_p521_sha512},
    {CipherSuite::mls_256_dhkemx448_chacha20poly1305_sha512_ed448,
     "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448",
     {Kem::dhkem_x448, Hash::sha512, Aead::chacha20_poly1305},
     SignatureScheme::ed448},
    {CipherSuite::mls_256_dhkemp384_aes256gcm_sha384_p384,
     "MLS_256_DHKEMP384_AES256GCM_SHA384_P384",
     {Kem::dhkem_p384, Hash::sha384, Aead::aes_256_gcm},
     SignatureScheme::ecdsa_p384_sha384},
    {CipherSuite::mls_256_xwing_chacha20poly1305_sha256_ed25519,
     "MLS_256_XWING_CHACHA20POLY1305_SHA256_Ed25519",
     {Kem::xwing, Hash::sha256, Aead::chacha20_poly1305},
     SignatureScheme::ed25519},
};

const Suite* find(CipherSuite id) {
  for (const Suite& suite : suites) {
    if (suite.id == id) return &suite;
  }
  return nullptr;
}

Bytes mls_label(std::string_view label) {
  Bytes out = to_bytes(std::string_view("MLS 1.0 "));
  append(out, as_view(label));
  return out;
}

// RefHashInput, SignContent and EncryptContext have one shape: two opaque vectors.
Bytes labelled(View label, View value) {
  codec::Writer w;
  w.opaque(label);
  w.opaque(value);
  return w.take();
}

}  // namespace

std::span<const Suite> supported_suites() { return suites; }

bool is_supported(CipherSuite id) { return find(id) != nullptr; }

const Suite& suite_of(CipherSuite id) {
  if (const Suite* suite = find(id)) return *suite;
  throw Error(Reason::unsupported,
              "cipher suite " + std::to_string(static_cast<uint16_t>(id)) + " is not supported");
}

Bytes ref_hash(const Suite& suite, std::string_view label, View value) {
  return crypto::digest(suite.hash(), labelled(as_view(label), value));
}

Bytes make_key_package_ref(const Suite& suite, View key_package) {
  return ref_hash(suite, "MLS 1.0 KeyPackage Reference", key_package);
}

Bytes make_proposal_ref(const Suite& suite, View authenticated_content) {
  return ref_hash(suite, "MLS 1.0 Proposal Reference", authenticated_content);
}

Bytes sign_with_label(const Suite& suite, const crypto::SignatureKeyPair& key,
                      std::string_view label, View content) {
  return crypto::sign(suite.signature, key, labelled(mls_label(label), content));
}

bool verify_with_label(const Suite& suite, View public_key, std::string_view label, View content,
                       View signature) {
  return crypto::verify(suite.signature, public_key, labelled(mls_label(label), content),
                        signature);
}

crypto::HpkeCiphertext encrypt_with_label(const Suite& suite, View public_key,
                                          std::string_view label, View context, View plaintext,
                                          Random& random) {
  return crypto::hpke_seal(suite.hpke, public_key, labelled(mls_label(label), context), {},
                           plaintext, random);
}

crypto::HpkeInfo encrypt_context(const Suite& suite, std::string_view label, View context) {
  return crypto::HpkeInfo(suite.hpke, labelled(mls_label(label), context));
}

Secret decrypt_with_label(const Suite& suite, const crypto::HpkeKeyPair& key,
                          std::string_view label, View context, View kem_output, View ciphertext) {
  return crypto::hpke_open(suite.hpke, key, kem_output, labelled(mls_label(label), context), {},
                           ciphertext);
}

Secret expand_with_label(const Suite& suite, View secret, std::string_view label, View context,
                         size_t length) {
  if (length > UINT16_MAX)
    throw Error(Reason::too_large, "a derived secret has at most 65535 bytes");
  codec::Writer kdf_label;
  kdf_label.u16(static_cast<uint16_t>(length));
  kdf_label.opaque(mls_label(label));
  kdf_label.opaque(context);
  return crypto::hkdf_expand(suite.hash(), secret, kdf_label.view(), length);
}

Secret derive_secret(const Suite& suite, View secret, std::string_view label) {
  return expand_with_label(suite, secret, label, {}, suite.hash_size());
}

Secret derive_tree_secret(const Suite& suite, View secret, std::string_view label,
                          uint32_t generation, size_t length) {
  codec::Writer context;
  context.u32(generation);
  return expand_with_label(suite, secret, label, context.view(), length);
}

Bytes mac(const Suite& suite, const Secret& key, View data) {
  return to_bytes(crypto::hmac(suite.hash(), key.reveal(), {data}).reveal());
}

}  // namespace qnpc::mls
