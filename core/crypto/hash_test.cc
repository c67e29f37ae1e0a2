#include "qnpc/crypto/hash.h"

#include <gtest/gtest.h>

#include "qnpc/base/error.h"

namespace qnpc::crypto {
namespace {

std::string hex(const Secret& secret) { return to_hex(secret.reveal()); }

TEST(Hash, DigestsOfAbc) {  // FIPS 180-4 examples
  EXPECT_EQ(to_hex(digest(Hash::sha256, as_view("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest(Hash::sha256, {as_view("a"), {}, as_view("bc")}),
            digest(Hash::sha256, as_view("abc")));
  EXPECT_EQ(to_hex(digest(Hash::sha384, as_view("abc"))).substr(0, 16), "cb00753f45a35e8b");
  EXPECT_EQ(to_hex(digest(Hash::sha512, as_view("abc"))).substr(0, 16), "ddaf35a193617aba");
}

TEST(Hmac, Rfc4231) {
  EXPECT_EQ(hex(hmac(Hash::sha256, as_view("Jefe"), {as_view("what do ya want for nothing?")})),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // Test case 6: a key longer than the block, for both block sizes.
  Bytes key(131, 0xaa);
  View text = as_view("Test Using Larger Than Block-Size Key - Hash Key First");
  EXPECT_EQ(hex(hmac(Hash::sha256, key, {text})),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(hmac(Hash::sha512, key, {text})).substr(0, 32), "80b24263c7c1a3ebb71493c1dd7be8b4");
}

TEST(Hkdf, Rfc5869) {
  Secret prk = hkdf_extract(Hash::sha256, *from_hex("000102030405060708090a0b0c"), Bytes(22, 0x0b));
  EXPECT_EQ(hex(prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  EXPECT_EQ(hex(hkdf_expand(Hash::sha256, prk.reveal(), *from_hex("f0f1f2f3f4f5f6f7f8f9"), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
}

TEST(Hkdf, ExpandHasItsBound) {
  Bytes prk(32, 1);
  EXPECT_EQ(hkdf_expand(Hash::sha256, prk, {}, 255 * 32).size(), size_t{255 * 32});
  EXPECT_THROW(hkdf_expand(Hash::sha256, prk, {}, 255 * 32 + 1), Error);
}

}  // namespace
}  // namespace qnpc::crypto
