#include "qnpc/crypto/x25519.h"

#include <gtest/gtest.h>

#include "qnpc/base/error.h"
#include "qnpc/crypto/system_random.h"

namespace qnpc::crypto {
namespace {

Bytes x25519_base_point() {
  Bytes nine(32, 0);
  nine[0] = 9;
  return nine;
}

TEST(X25519, Rfc7748) {  // 5.2, the iterated vector after one and after a thousand rounds
  Secret k = Secret::copy_of(x25519_base_point());
  Bytes u = x25519_base_point();
  for (int i = 1; i <= 1000; ++i) {
    Secret next = x25519(k, u);
    u = to_bytes(k.reveal());
    k = std::move(next);
    if (i == 1) {
      EXPECT_EQ(to_hex(k.reveal()),
                "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(to_hex(k.reveal()), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(X25519, BothSidesAgree) {
  SystemRandom random;
  auto a = generate_x25519_key(random);
  auto b = generate_x25519_key(random);
  EXPECT_EQ(x25519(a.private_key, b.public_key), x25519(b.private_key, a.public_key));
}

TEST(X25519, RefusesLowOrderPointsAndWrongSizes) {
  SystemRandom random;
  auto key = generate_x25519_key(random);
  Bytes one(32, 0);
  one[0] = 1;
  EXPECT_THROW(x25519(key.private_key, Bytes(32, 0)), Error);
  EXPECT_THROW(x25519(key.private_key, one), Error);
  EXPECT_THROW(x25519(key.private_key, Bytes(31, 9)), Error);
  EXPECT_THROW(x25519_key_from_private(Bytes(33)), Error);
}

}  // namespace
}  // namespace qnpc::crypto
