#include "qnpc/crypto/signature.h"

#include <gtest/gtest.h>

#include "qnpc/base/error.h"
#include "qnpc/crypto/system_random.h"

namespace qnpc::crypto {
namespace {

constexpr SignatureScheme all[] = {
    SignatureScheme::ed25519, SignatureScheme::ed448, SignatureScheme::ecdsa_p256_sha256,
    SignatureScheme::ecdsa_p384_sha384, SignatureScheme::ecdsa_p521_sha512};

TEST(Signature, Ed25519Rfc8032) {  // 7.1, test 2
  auto key = signature_key_from_private(
      SignatureScheme::ed25519,
      *from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(to_hex(key.public_key),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(to_hex(sign(SignatureScheme::ed25519, key, Bytes{0x72})),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Signature, EverySchemeVerifiesItsOwnAndNothingElse) {
  SystemRandom random;
  for (SignatureScheme scheme : all) {
    SignatureKeyPair key = generate_signature_key(scheme, random);
    SignatureKeyPair other = generate_signature_key(scheme, random);
    SignatureKeyPair again = signature_key_from_private(scheme, key.private_key.reveal());
    EXPECT_EQ(again.public_key, key.public_key);
    EXPECT_TRUE(valid_signature_key(scheme, key.public_key));
    Bytes signature = sign(scheme, key, as_view("message"));
    EXPECT_TRUE(verify(scheme, key.public_key, as_view("message"), signature));
    EXPECT_FALSE(verify(scheme, key.public_key, as_view("massage"), signature));
    EXPECT_FALSE(verify(scheme, other.public_key, as_view("message"), signature));
    EXPECT_FALSE(verify(scheme, {}, as_view("message"), signature));
    for (size_t size = 0; size < signature.size(); ++size) {
      EXPECT_FALSE(verify(scheme, key.public_key, as_view("message"), View(signature).first(size)));
    }
    for (size_t i = 0; i < signature.size(); ++i) {
      Bytes bad = signature;
      bad[i] ^= 1;
      EXPECT_FALSE(verify(scheme, key.public_key, as_view("message"), bad));
    }
  }
}

TEST(Signature, RefusesBytesThatAreNoKey) {
  for (SignatureScheme scheme : all) {
    EXPECT_THROW(signature_key_from_private(scheme, Bytes(5, 1)), Error);
    EXPECT_FALSE(valid_signature_key(scheme, Bytes(5, 1)));
  }
  EXPECT_THROW(signature_key_from_private(SignatureScheme::ecdsa_p256_sha256, Bytes(32, 0)), Error);
  EXPECT_THROW(signature_key_from_private(SignatureScheme::ecdsa_p256_sha256, Bytes(32, 0xff)),
               Error);
}

}  // namespace
}  // namespace qnpc::crypto
