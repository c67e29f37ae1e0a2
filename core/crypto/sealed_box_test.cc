#include "qnpc/crypto/sealed_box.h"

#include <gtest/gtest.h>

#include "qnpc/base/error.h"
#include "qnpc/crypto/system_random.h"

namespace qnpc::crypto {
namespace {

TEST(SealedBox, OpensWithItsKeyAndPlaceOnly) {
  SystemRandom random;
  Secret key = random.secret(box_key_size);
  Bytes sealed = box_seal(key, as_view("table/1"), as_view("value"), random);
  EXPECT_EQ(sealed.size(), 5 + box_overhead);
  EXPECT_EQ(to_text(box_open(key, as_view("table/1"), sealed).reveal()), "value");
  EXPECT_THROW(box_open(key, as_view("table/2"), sealed), Error);
  EXPECT_THROW(box_open(random.secret(box_key_size), as_view("table/1"), sealed), Error);
  for (size_t i = 0; i < sealed.size(); ++i) {
    EXPECT_THROW(box_open(key, as_view("table/1"), View(sealed).first(i)), Error);
    Bytes bad = sealed;
    bad[i] ^= 1;
    EXPECT_THROW(box_open(key, as_view("table/1"), bad), Error);
  }
}

TEST(SealedBox, PassphraseKeysDependOnPassphraseAndSalt) {
  PassphraseCost cheap{1, 8192};
  Secret a = key_from_passphrase(as_view("pass"), Bytes(16, 1), cheap);
  EXPECT_EQ(a, key_from_passphrase(as_view("pass"), Bytes(16, 1), cheap));
  EXPECT_FALSE(a == key_from_passphrase(as_view("pass"), Bytes(16, 2), cheap));
  EXPECT_FALSE(a == key_from_passphrase(as_view("Pass"), Bytes(16, 1), cheap));
  EXPECT_THROW(key_from_passphrase(as_view("pass"), Bytes(15, 1), cheap), Error);
}

}  // namespace
}  // namespace qnpc::crypto
