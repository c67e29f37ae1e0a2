#include "qnpc/crypto/aead.h"

#include <gtest/gtest.h>

#include "qnpc/base/error.h"
#include "tests/support/reason_of.h"

namespace qnpc::crypto {
namespace {

constexpr Aead all[] = {Aead::aes_128_gcm, Aead::aes_256_gcm, Aead::chacha20_poly1305};
const Bytes nonce(aead_nonce_size, 7);

TEST(Aead, ChaCha20Poly1305Rfc8439) {
  Bytes key = *from_hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  Bytes sealed = aead_seal(
      Aead::chacha20_poly1305, key, *from_hex("070000004041424344454647"),
      *from_hex("50515253c0c1c2c3c4c5c6c7"),
      as_view("Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
              "future, sunscreen would be it."));
  EXPECT_EQ(to_hex(View(sealed).last(16)), "1ae10b594f09e26a7e902ecbd0600691");
}

TEST(Aead, Aes128GcmNistCase) {  // McGrew and Viega, test case 2
  EXPECT_EQ(to_hex(aead_seal(Aead::aes_128_gcm, Bytes(16), Bytes(12), {}, Bytes(16))),
            "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf");
}

TEST(Aead, RoundTripsInPlaceAndWithOneKeyInBothDirections) {
  for (Aead aead : all) {
    AeadKey key(aead, Bytes(aead_key_size(aead), 1));
    for (size_t size : {0, 1, 15, 16, 17, 1000}) {
      Bytes buffer(size + aead_tag_size, 0x5a);
      Bytes plaintext(size, 0x5a);
      key.seal_into(buffer, nonce, as_view("aad"), View(buffer).first(size));
      EXPECT_EQ(buffer, key.seal(nonce, as_view("aad"), plaintext));
      key.open_into(MutableView(buffer).first(size), nonce, as_view("aad"), buffer);
      EXPECT_TRUE(equal(View(buffer).first(size), plaintext));
    }
  }
}

TEST(Aead, RefusesEveryFlippedByteAndLeavesNoPlaintext) {
  for (Aead aead : all) {
    AeadKey key(aead, Bytes(aead_key_size(aead), 1));
    Bytes sealed = key.seal(nonce, as_view("aad"), as_view("plaintext"));
    for (size_t i = 0; i < sealed.size(); ++i) {
      Bytes bad = sealed;
      bad[i] ^= 0x80;
      Bytes out(sealed.size() - aead_tag_size, 0xff);
      EXPECT_THROW(key.open_into(out, nonce, as_view("aad"), bad), Error);
      EXPECT_EQ(out, Bytes(out.size(), 0));
    }
    EXPECT_THROW(key.open(nonce, as_view("other"), sealed), Error);
    for (size_t size = 0; size < aead_tag_size; ++size) {
      EXPECT_THROW(key.open(nonce, {}, View(sealed).first(size)), Error);
    }
    EXPECT_EQ(to_text(key.open(nonce, as_view("aad"), sealed).reveal()), "plaintext");
  }
}

// For a key that is used once there are two implementations, by size.
TEST(Aead, IsTheSameWithAKeyThatIsUsedOnce) {
  for (Aead aead : all) {
    const Bytes key(aead_key_size(aead), 1);
    AeadKey kept(aead, key);
    for (size_t size : {0, 1, 15, 16, 17, 63, 64, 623, 624, 625, 640, 641, 5000}) {
      const Bytes plaintext(size, 0x5a);
      for (View aad : {View(), as_view("aad")}) {
        const Bytes sealed = aead_seal(aead, key, nonce, aad, plaintext);
        EXPECT_EQ(sealed, kept.seal(nonce, aad, plaintext)) << size;
        EXPECT_TRUE(equal(aead_open(aead, key, nonce, aad, sealed).reveal(), plaintext)) << size;
      }
    }
    const Bytes sealed = aead_seal(aead, key, nonce, as_view("aad"), as_view("plaintext"));
    auto reason_of_opening = [&](View aad, View ciphertext) {
      return test::reason_of([&] { aead_open(aead, key, nonce, aad, ciphertext); });
    };
    for (size_t i = 0; i < sealed.size(); ++i) {
      Bytes bad = sealed;
      bad[i] ^= 0x80;
      EXPECT_EQ(reason_of_opening(as_view("aad"), bad), Reason::decrypt_failed);
    }
    EXPECT_EQ(reason_of_opening({}, sealed), Reason::decrypt_failed);
    for (size_t size = 0; size < sealed.size(); ++size) {
      EXPECT_EQ(reason_of_opening(as_view("aad"), View(sealed).first(size)),
                Reason::decrypt_failed);
    }
    EXPECT_EQ(test::reason_of([&] { aead_seal(aead, Bytes(31), nonce, {}, {}); }), Reason::bad_key);
    EXPECT_EQ(test::reason_of([&] { aead_open(aead, Bytes(33), nonce, {}, {}); }), Reason::bad_key);
    EXPECT_EQ(test::reason_of([&] { aead_seal(aead, key, Bytes(11), {}, {}); }), Reason::internal);
  }
}

TEST(Aead, RefusesKeysOfWrongSize) {
  EXPECT_THROW(AeadKey(Aead::aes_128_gcm, Bytes(32)), Error);
  EXPECT_THROW(AeadKey(Aead::chacha20_poly1305, Bytes(16)), Error);
}

}  // namespace
}  // namespace qnpc::crypto
