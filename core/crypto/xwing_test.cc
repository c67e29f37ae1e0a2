#include "qnpc/crypto/xwing.h"

#include <gtest/gtest.h>

#include "qnpc/crypto/mlkem768.h"
#include "qnpc/crypto/system_random.h"
#include "tests/support/reason_of.h"

namespace qnpc::crypto {
namespace {

using test::reason_of;

// draft-connolly-cfrg-xwing-kem, appendix C. The shared secret hangs on both secrets of the
// halves, and on the public key and the ciphertext of the X25519 half: that of the ML-KEM half is
// compared live with another implementation, tests/interop/kem.
TEST(XWing, DraftVectors) {
  struct Vector {
    const char* seed;
    const char* encapsulation_seed;
    const char* shared_secret;
  };
  for (const Vector& v : {
           Vector{"7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
                  "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2"
                  "35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
                  "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384"},
           Vector{"badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea",
                  "17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdef"
                  "aee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d",
                  "f2e86241c64d60f6649fbc6c5b7d17180b780a3f34355e64a85749949c45f150"},
           Vector{"ef58538b8d23f87732ea63b02b4fa0f4873360e2841928cd60dd4cee8cc0d4c9",
                  "22a96188d032675c8ac850933c7aff1533b94c834adbb69c6115bad4692d8619"
                  "f90b0cdf8a7b9c264029ac185b70b83f2801f2f4b3f70c593ea3aeeb613a7f1b",
                  "953f7f4e8c5b5049bdc771d1dffada0dd961477d1a2ae0988baa7ea6898d893f"},
       }) {
    HpkeKeyPair key = xwing_key_from_private(*from_hex(v.seed));
    HpkeEncapsulation sent = xwing_encapsulate(key.public_key, *from_hex(v.encapsulation_seed));
    EXPECT_EQ(to_hex(sent.shared_secret.reveal()), v.shared_secret);
    EXPECT_EQ(xwing_decapsulate(key.private_key, sent.kem_output), sent.shared_secret);
  }
}

// SHAKE256 of nothing, FIPS 202.
TEST(XWing, ADerivedPrivateKeyIsShake256OfItsInput) {
  EXPECT_EQ(to_hex(xwing_derive_key({}).private_key.reveal()),
            "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f");
}

TEST(XWing, RefusesKeysAndCiphertextsThatYieldNoSecret) {
  SystemRandom random;
  const HpkeKeyPair key = generate_hpke_key(Kem::xwing, random);
  const Bytes seed = random.bytes(64);
  EXPECT_TRUE(valid_xwing_key(key.public_key));

  Bytes not_canonical = key.public_key;
  not_canonical[0] = not_canonical[1] = 0xff;
  Bytes low_order = key.public_key;
  std::fill_n(low_order.begin() + mlkem768_public_key_size, 32, uint8_t{0});
  Bytes too_long = key.public_key;
  too_long.push_back(0);
  for (const Bytes& bad : {not_canonical, low_order, too_long, Bytes()}) {
    EXPECT_FALSE(valid_xwing_key(bad));
    EXPECT_EQ(reason_of([&] { xwing_encapsulate(bad, seed); }), Reason::bad_key);
  }

  Bytes ciphertext = xwing_encapsulate(key.public_key, seed).kem_output;
  std::fill_n(ciphertext.begin() + mlkem768_ciphertext_size, 32, uint8_t{0});
  EXPECT_EQ(reason_of([&] { xwing_decapsulate(key.private_key, ciphertext); }), Reason::bad_key);
  ciphertext.pop_back();
  EXPECT_EQ(reason_of([&] { xwing_decapsulate(key.private_key, ciphertext); }), Reason::bad_key);
  EXPECT_EQ(reason_of([&] { xwing_key_from_private(Bytes(31)); }), Reason::bad_key);
  EXPECT_EQ(reason_of([&] { xwing_encapsulate(key.public_key, Bytes(32)); }), Reason::bad_key);
}

}  // namespace
}  // namespace qnpc::crypto
