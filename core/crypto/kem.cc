#include "qnpc/crypto/kem.h"

#include "qnpc/base/error.h"
#include "qnpc/crypto/ec.h"
#include "qnpc/crypto/x25519.h"
#include "qnpc/crypto/xwing.h"

namespace qnpc::crypto {
namespace {

// RFC 9180 7.1, table 2. Sizes in bytes. X-Wing is a KEM by itself and uses no hash of HPKE's.
struct KemFacts {
  uint16_t id;
  Hash hash;
  size_t private_key;
  size_t shared_secret;
};

const KemFacts& facts(Kem kem) {
  static constexpr KemFacts p256{0x0010, Hash::sha256, 32, 32};
  static constexpr KemFacts p384{0x0011, Hash::sha384, 48, 48};
  static constexpr KemFacts p521{0x0012, Hash::sha512, 66, 64};
  static constexpr KemFacts x25519{0x0020, Hash::sha256, 32, 32};
  static constexpr KemFacts x448{0x0021, Hash::sha512, 56, 64};
  static constexpr KemFacts xwing{0x647a, {}, xwing_private_key_size, 32};
  switch (kem) {
    case Kem::dhkem_p256: return p256;
    case Kem::dhkem_p384: return p384;
    case Kem::dhkem_p521: return p521;
    case Kem::dhkem_x25519: return x25519;
    case Kem::dhkem_x448: return x448;
    case Kem::xwing: return xwing;
  }
  throw Error(Reason::internal, "no such KEM");
}

Curve nist_curve(Kem kem) {
  switch (kem) {
    case Kem::dhkem_p256: return Curve::p256;
    case Kem::dhkem_p384: return Curve::p384;
    case Kem::dhkem_p521: return Curve::p521;
    default: throw Error(Reason::internal, "not a NIST curve");
  }
}

LabeledKdf kem_kdf(Kem kem) {
  Bytes suite_id = to_bytes(std::string_view("KEM"));
  suite_id.push_back(static_cast<uint8_t>(facts(kem).id >> 8));
  suite_id.push_back(static_cast<uint8_t>(facts(kem).id));
  return LabeledKdf(facts(kem).hash, std::move(suite_id));
}

Secret diffie_hellman(Kem kem, const HpkeKeyPair& key, View peer) {
  switch (kem) {
    case Kem::dhkem_x25519: return x25519(key.private_key, peer);
    case Kem::dhkem_x448:
      return derive_shared(raw_private_key(EVP_PKEY_X448, key.private_key.reveal()).get(),
                           raw_public_key(EVP_PKEY_X448, peer).get());
    default: {
      Curve curve = nist_curve(kem);
      return derive_shared(ec_private_key(curve, key.private_key.reveal(), key.public_key).get(),
                           ec_public_key(curve, peer).get());
    }
  }
}

// ExtractAndExpand, RFC 9180 4.1.
Secret shared_secret(Kem kem, const Secret& dh, View kem_output, View recipient) {
  Bytes kem_context = to_bytes(kem_output);
  append(kem_context, recipient);
  LabeledKdf kdf = kem_kdf(kem);
  Secret eae_prk = kdf.extract({}, "eae_prk", dh.reveal());
  return kdf.expand(eae_prk.reveal(), "shared_secret", kem_context, facts(kem).shared_secret);
}

}  // namespace

Secret LabeledKdf::extract(View salt, std::string_view label, View ikm) const {
  return hmac(hash_, salt, {as_view("HPKE-v1"), suite_id_, as_view(label), ikm});
}

Secret LabeledKdf::expand(View prk, std::string_view label, View info, size_t length) const {
  Bytes labeled_info{static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
  append(labeled_info, as_view("HPKE-v1"));
  append(labeled_info, suite_id_);
  append(labeled_info, as_view(label));
  append(labeled_info, info);
  return hkdf_expand(hash_, prk, labeled_info, length);
}

uint16_t kem_id(Kem kem) { return facts(kem).id; }

HpkeKeyPair generate_hpke_key(Kem kem, Random& random) {
  return derive_hpke_key(kem, random.secret(facts(kem).private_key).reveal());
}

HpkeKeyPair derive_hpke_key(Kem kem, View ikm) {
  if (kem == Kem::xwing) return xwing_derive_key(ikm);
  LabeledKdf kdf = kem_kdf(kem);
  Secret dkp_prk = kdf.extract({}, "dkp_prk", ikm);
  size_t size = facts(kem).private_key;
  if (kem == Kem::dhkem_x25519 || kem == Kem::dhkem_x448) {
    return hpke_key_from_private(kem, kdf.expand(dkp_prk.reveal(), "sk", {}, size).reveal());
  }
  for (int counter = 0; counter <= 255; ++counter) {
    uint8_t info = static_cast<uint8_t>(counter);
    Secret candidate = kdf.expand(dkp_prk.reveal(), "candidate", View(&info, 1), size);
    if (kem == Kem::dhkem_p521) candidate.reveal_mutable()[0] &= 1;
    if (valid_scalar(nist_curve(kem), candidate.reveal())) {
      return hpke_key_from_private(kem, candidate.reveal());
    }
  }
  throw Error(Reason::bad_key, "no key can be derived from this input");  // chance 2^-8192
}

HpkeKeyPair hpke_key_from_private(Kem kem, View private_key) {
  if (kem == Kem::xwing) return xwing_key_from_private(private_key);
  HpkeKeyPair key{Secret::copy_of(private_key), {}};
  switch (kem) {
    case Kem::dhkem_x25519:
      key.public_key = to_bytes(View(x25519_key_from_private(private_key).public_key));
      break;
    case Kem::dhkem_x448:
      key.public_key = raw_public_half(raw_private_key(EVP_PKEY_X448, private_key).get());
      break;
    default: key.public_key = public_point(nist_curve(kem), private_key);
  }
  return key;
}

bool valid_hpke_key(Kem kem, View public_key) {
  if (kem == Kem::xwing) return valid_xwing_key(public_key);
  if (kem == Kem::dhkem_x25519) {
    return public_key.size() == x25519_key_size && !has_low_order(public_key);
  }
  try {
    // Points of low order yield zero with every clamped scalar, and OpenSSL refuses that.
    if (kem == Kem::dhkem_x448) {
      Secret any(facts(kem).private_key);
      derive_shared(raw_private_key(EVP_PKEY_X448, any.reveal()).get(),
                    raw_public_key(EVP_PKEY_X448, public_key).get());
      return true;
    }
    ec_public_key(nist_curve(kem), public_key);
    return true;
  } catch (const Error&) {
    return false;
  }
}

size_t hpke_seed_size(Kem kem) {
  // The others encapsulate with a key pair derived from the seed.
  return kem == Kem::xwing ? xwing_encapsulation_seed_size : facts(kem).private_key;
}

HpkeEncapsulation hpke_encapsulate(Kem kem, View public_key, View seed) {
  if (kem == Kem::xwing) return xwing_encapsulate(public_key, seed);
  HpkeKeyPair ephemeral = derive_hpke_key(kem, seed);
  Secret dh = diffie_hellman(kem, ephemeral, public_key);
  Secret secret = shared_secret(kem, dh, ephemeral.public_key, public_key);
  return {std::move(secret), std::move(ephemeral.public_key)};
}

Secret decap(Kem kem, const HpkeKeyPair& key, View kem_output) {
  if (kem == Kem::xwing) return xwing_decapsulate(key.private_key, kem_output);
  Secret dh = diffie_hellman(kem, key, kem_output);
  return shared_secret(kem, dh, kem_output, key.public_key);
}

}  // namespace qnpc::crypto
