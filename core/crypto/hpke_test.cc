#include "qnpc/crypto/hpke.h"

#include <gtest/gtest.h>

#include "qnpc/base/error.h"
#include "qnpc/crypto/system_random.h"
#include "qnpc/crypto/x25519.h"

namespace qnpc::crypto {
namespace {

// The base-mode vectors of RFC 9180 appendix A for the algorithms that we use. All have the same
// info, plaintext and aad; the ciphertext is that of sequence number 0, the export's context is
// "TestContext".
struct Vector {
  HpkeSuite suite;
  const char* ikm_e;
  const char* ikm_r;
  const char* public_key;
  const char* kem_output;
  const char* ciphertext;
  const char* exported;
};
const Vector vectors[] = {
    {{Kem::dhkem_x25519, Hash::sha256, Aead::aes_128_gcm},
     "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
     "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
     "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
     "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
     "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d0"
     "7bea87e13c512a",
     "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931"},
    {{Kem::dhkem_x25519, Hash::sha256, Aead::chacha20_poly1305},
     "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b",
     "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df",
     "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
     "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
     "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81"
     "883d2dd1b51a28",
     "5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53"},
    {{Kem::dhkem_p256, Hash::sha256, Aead::aes_128_gcm},
     "4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e",
     "668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550",
     "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a826a779b4cf9"
     "69b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0",
     "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a"
     "1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4",
     "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3a"
     "b2523f39513434",
     "d8f1ea7942adbba7412c6d431c62d01371ea476b823eb697e1f6e6cae1dab85a"},
    {{Kem::dhkem_p256, Hash::sha512, Aead::aes_128_gcm},
     "4ab11a9dd78c39668f7038f921ffc0993b368171d3ddde8031501ee1e08c4c9a",
     "ea9ff7cc5b2705b188841c7ace169290ff312a9cb31467784ca92d7a2e6e1be8",
     "04085aa5b665dc3826f9650ccbcc471be268c8ada866422f739e2d531d4a8818a9466bc6b449"
     "357096232919ec4fe9070ccbac4aac30f4a1a53efcf7af90610edd",
     "0493ed86735bdfb978cc055c98b45695ad7ce61ce748f4dd63c525a3b8d53a15565c68978880"
     "70070c1579db1f86aaa56deb8297e64db7e8924e72866f9a472580",
     "d3cf4984931484a080f74c1bb2a6782700dc1fef9abe8442e44a6f09044c88907200b3320035"
     "43754eb51917ba",
     "93fb9411430b2cfa2cf0bed448c46922a5be9beff20e2e621df7e4655852edbc"},
    {{Kem::dhkem_p256, Hash::sha256, Aead::chacha20_poly1305},
     "f1f1a3bc95416871539ecb51c3a8f0cf608afb40fbbe305c0a72819d35c33f1f",
     "61092f3f56994dd424405899154a9918353e3e008171517ad576b900ddb275e7",
     "04a697bffde9405c992883c5c439d6cc358170b51af72812333b015621dc0f40bad9bb726f68"
     "a5c013806a790ec716ab8669f84f6b694596c2987cf35baba2a006",
     "04c07836a0206e04e31d8ae99bfd549380b072a1b1b82e563c935c095827824fc1559eac6fb9"
     "e3c70cd3193968994e7fe9781aa103f5b50e934b5b2f387e381291",
     "6469c41c5c81d3aa85432531ecf6460ec945bde1eb428cb2fedf7a29f5a685b4ccb0d057f03e"
     "a2952a27bb458b",
     "477a50d804c7c51941f69b8e32fe8288386ee1a84905fe4938d58972f24ac938"},
    {{Kem::dhkem_p521, Hash::sha512, Aead::aes_256_gcm},
     "7f06ab8215105fc46aceeb2e3dc5028b44364f960426eb0d8e4026c2f8b5d7e7a986688f1591"
     "abf5ab753c357a5d6f0440414b4ed4ede71317772ac98d9239f70904",
     "2ad954bbe39b7122529f7dde780bff626cd97f850d0784a432784e69d86eccaade43b6c10a8f"
     "fdb94bf943c6da479db137914ec835a7e715e36e45e29b587bab3bf1",
     "0401b45498c1714e2dce167d3caf162e45e0642afc7ed435df7902ccae0e84ba0f7d373f646b"
     "7738bbbdca11ed91bdeae3cdcba3301f2457be452f271fa6837580e661012af49583a62e48d4"
     "4bed350c7118c0d8dc861c238c72a2bda17f64704f464b57338e7f40b60959480c0e58e6559b"
     "190d81663ed816e523b6b6a418f66d2451ec64",
     "040138b385ca16bb0d5fa0c0665fbbd7e69e3ee29f63991d3e9b5fa740aab8900aaeed46ed73"
     "a49055758425a0ce36507c54b29cc5b85a5cee6bae0cf1c21f2731ece2013dc3fb7c8d21654b"
     "b161b463962ca19e8c654ff24c94dd2898de12051f1ed0692237fb02b2f8d1dc1c73e9b366b5"
     "29eb436e98a996ee522aef863dd5739d2f29b0",
     "170f8beddfe949b75ef9c387e201baf4132fa7374593dfafa90768788b7b2b200aafcc6d80ea"
     "4c795a7c5b841a",
     "f389beaac6fcf6c0d9376e20f97e364f0609a88f1bc76d7328e9104df8477013"},
};

const Bytes info = *from_hex("4f6465206f6e2061204772656369616e2055726e");
const Bytes aad = *from_hex("436f756e742d30");
const Bytes plaintext = *from_hex("4265617574792069732074727574682c20747275746820626561757479");

// Gives the bytes it was made of: our ephemeral keys are DeriveKeyPair of random input, like the
// RFC's vectors.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(View bytes) : bytes_(to_bytes(bytes)) {}
  void fill(MutableView out) override {
    ASSERT_EQ(out.size(), bytes_.size());
    std::copy(bytes_.begin(), bytes_.end(), out.begin());
  }

 private:
  Bytes bytes_;
};

TEST(Hpke, Rfc9180Vectors) {
  for (const Vector& v : vectors) {
    HpkeKeyPair key = derive_hpke_key(v.suite.kem, *from_hex(v.ikm_r));
    EXPECT_EQ(to_hex(key.public_key), v.public_key);
    EXPECT_TRUE(valid_hpke_key(v.suite.kem, key.public_key));

    FixedRandom random(*from_hex(v.ikm_e));
    HpkeCiphertext sealed = hpke_seal(v.suite, key.public_key, info, aad, plaintext, random);
    EXPECT_EQ(to_hex(sealed.kem_output), v.kem_output);
    EXPECT_EQ(to_hex(sealed.ciphertext), v.ciphertext);
    Secret opened = hpke_open(v.suite, key, sealed.kem_output, info, aad, sealed.ciphertext);
    EXPECT_TRUE(equal(opened.reveal(), plaintext));

    HpkeExport sent =
        hpke_send_export(v.suite, key.public_key, info, as_view("TestContext"), 32, random);
    EXPECT_EQ(to_hex(sent.secret.reveal()), v.exported);
    EXPECT_EQ(hpke_receive_export(v.suite, key, sent.kem_output, info, as_view("TestContext"), 32),
              sent.secret);
  }
}

TEST(Hpke, EverySuiteRoundTripsAndRefusesAnyFlippedBit) {
  SystemRandom random;
  for (HpkeSuite suite : {HpkeSuite{Kem::dhkem_x25519, Hash::sha256, Aead::aes_128_gcm},
                          HpkeSuite{Kem::dhkem_p256, Hash::sha256, Aead::aes_128_gcm},
                          HpkeSuite{Kem::dhkem_p384, Hash::sha384, Aead::aes_256_gcm},
                          HpkeSuite{Kem::dhkem_p521, Hash::sha512, Aead::aes_256_gcm},
                          HpkeSuite{Kem::dhkem_x448, Hash::sha512, Aead::chacha20_poly1305},
                          HpkeSuite{Kem::xwing, Hash::sha256, Aead::chacha20_poly1305}}) {
    HpkeKeyPair key = generate_hpke_key(suite.kem, random);
    HpkeCiphertext sealed = hpke_seal(suite, key.public_key, info, aad, plaintext, random);
    Secret opened = hpke_open(suite, key, sealed.kem_output, info, aad, sealed.ciphertext);
    EXPECT_TRUE(equal(opened.reveal(), plaintext));
    HpkeCiphertext two_steps = hpke_seal(
        HpkeInfo(suite, info),
        hpke_encapsulate(suite.kem, key.public_key, random.bytes(hpke_seed_size(suite.kem))), aad,
        plaintext);
    opened = hpke_open(suite, key, two_steps.kem_output, info, aad, two_steps.ciphertext);
    EXPECT_TRUE(equal(opened.reveal(), plaintext));
    for (size_t i = 0; i < sealed.ciphertext.size(); ++i) {
      Bytes bad = sealed.ciphertext;
      bad[i] ^= 1;
      EXPECT_THROW(hpke_open(suite, key, sealed.kem_output, info, aad, bad), Error);
    }
    Bytes bad = sealed.kem_output;
    bad[bad.size() / 2] ^= 1;
    EXPECT_THROW(hpke_open(suite, key, bad, info, aad, sealed.ciphertext), Error);
    EXPECT_THROW(hpke_open(suite, key, {}, info, aad, sealed.ciphertext), Error);
  }
}

TEST(Hpke, RefusesKeysThatYieldNoSecret) {
  SystemRandom random;
  HpkeSuite x25519{Kem::dhkem_x25519, Hash::sha256, Aead::aes_128_gcm};
  HpkeSuite x448{Kem::dhkem_x448, Hash::sha512, Aead::aes_256_gcm};
  HpkeSuite p256{Kem::dhkem_p256, Hash::sha256, Aead::aes_128_gcm};
  EXPECT_THROW(hpke_seal(x25519, Bytes(32, 0), info, aad, plaintext, random), Error);
  EXPECT_THROW(hpke_seal(x448, Bytes(56, 0), info, aad, plaintext, random), Error);
  EXPECT_THROW(hpke_seal(x25519, Bytes(31, 9), info, aad, plaintext, random), Error);
  EXPECT_THROW(hpke_seal(p256, Bytes(65, 4), info, aad, plaintext, random), Error);
  EXPECT_FALSE(valid_hpke_key(Kem::dhkem_p256, Bytes(65, 4)));
  EXPECT_FALSE(valid_hpke_key(Kem::dhkem_x25519, Bytes(33, 4)));
  EXPECT_FALSE(valid_hpke_key(Kem::dhkem_x448, Bytes(57, 4)));
  EXPECT_FALSE(valid_hpke_key(Kem::dhkem_x448, Bytes(56, 0)));
  EXPECT_TRUE(
      valid_hpke_key(Kem::dhkem_x448, generate_hpke_key(Kem::dhkem_x448, random).public_key));
  // Every encoding of a point of low order on Curve25519, as x25519() itself sees them.
  Secret any = random.secret(32);
  for (const char* point : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       }) {
    for (uint8_t highest : {0x00, 0x80}) {
      Bytes key = *from_hex(point);
      key[31] |= highest;
      EXPECT_THROW(crypto::x25519(any, key), Error) << point;
      EXPECT_FALSE(valid_hpke_key(Kem::dhkem_x25519, key)) << point;
    }
  }
  Bytes key = generate_hpke_key(Kem::dhkem_x25519, random).public_key;
  EXPECT_TRUE(valid_hpke_key(Kem::dhkem_x25519, key));
  // Of X-Wing, either half.
  const HpkeSuite xwing{Kem::xwing, Hash::sha256, Aead::chacha20_poly1305};
  const Bytes good = generate_hpke_key(Kem::xwing, random).public_key;
  EXPECT_TRUE(valid_hpke_key(Kem::xwing, good));
  Bytes not_canonical = good;
  not_canonical[0] = not_canonical[1] = 0xff;
  Bytes low_order = good;
  std::fill(low_order.end() - 32, low_order.end(), uint8_t{0});
  for (const Bytes& bad : {not_canonical, low_order}) {
    EXPECT_FALSE(valid_hpke_key(Kem::xwing, bad));
    EXPECT_THROW(hpke_seal(xwing, bad, info, aad, plaintext, random), Error);
  }
}

}  // namespace
}  // namespace qnpc::crypto
