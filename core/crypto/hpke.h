// hpke: RFC 9180, base mode, single shot, and the exporter of base mode.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/random.h"
#include "qnpc/base/secret.h"
#include "qnpc/crypto/aead.h"
#include "qnpc/crypto/hash.h"

namespace qnpc::crypto {

enum class Kem { dhkem_p256, dhkem_p384, dhkem_p521, dhkem_x25519, dhkem_x448, xwing };

struct HpkeSuite {
  Kem kem;
  Hash kdf;
  Aead aead;
};

/// Keys in the form of RFC 9180's SerializePrivateKey and SerializePublicKey.
struct HpkeKeyPair {
  Secret private_key;
  Bytes public_key;
};

struct HpkeCiphertext {
  Bytes kem_output;
  Bytes ciphertext;
};

struct HpkeExport {
  Bytes kem_output;
  Secret secret;
};

HpkeKeyPair generate_hpke_key(Kem kem, Random& random);
/// DeriveKeyPair(ikm), RFC 9180 7.1.3.
HpkeKeyPair derive_hpke_key(Kem kem, View ikm);
/// Throws Reason::bad_key where the bytes are no private key of the KEM.
HpkeKeyPair hpke_key_from_private(Kem kem, View private_key);
/// Whether the bytes are a public key of the KEM that yields secrets: a point on the NIST curves,
/// no point of low order on the others (RFC 9180 7.1.4), and for X-Wing also a canonical ML-KEM
/// key.
bool valid_hpke_key(Kem kem, View public_key);

/// SealBase. Throws Reason::bad_key where `public_key` yields no secret.
HpkeCiphertext hpke_seal(const HpkeSuite& suite, View public_key, View info, View aad,
                         View plaintext, Random& random);

/// SealBase in two steps, for many recipients of one `info`. The first costs nearly all of it, and
/// can be taken by several threads before `info` is known.
struct HpkeEncapsulation {
  Secret shared_secret;
  Bytes kem_output;
};
/// How many random bytes an encapsulation takes.
size_t hpke_seed_size(Kem kem);
/// Throws Reason::bad_key where `public_key` yields no secret.
HpkeEncapsulation hpke_encapsulate(Kem kem, View public_key, View seed);
/// What the key schedule makes of a suite and `info`, RFC 9180 5.1; public.
struct HpkeInfo {
  HpkeInfo(const HpkeSuite& suite, View info);
  HpkeSuite suite;
  Bytes key_schedule_context;
};
HpkeCiphertext hpke_seal(const HpkeInfo& info, HpkeEncapsulation to, View aad, View plaintext);

/// OpenBase. Throws Reason::bad_key or Reason::decrypt_failed.
Secret hpke_open(const HpkeSuite& suite, const HpkeKeyPair& key, View kem_output, View info,
                 View aad, View ciphertext);

/// SendExportBase and ReceiveExportBase, RFC 9180 6.2.
HpkeExport hpke_send_export(const HpkeSuite& suite, View public_key, View info,
                            View exporter_context, size_t length, Random& random);
Secret hpke_receive_export(const HpkeSuite& suite, const HpkeKeyPair& key, View kem_output,
                           View info, View exporter_context, size_t length);

}  // namespace qnpc::crypto
