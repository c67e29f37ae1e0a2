#include "qnpc/crypto/system_random.h"

#include <gtest/gtest.h>

namespace qnpc::crypto {
namespace {

TEST(SystemRandom, IsNotTheSameTwice) {
  SystemRandom random;
  EXPECT_NE(random.bytes(32), random.bytes(32));
}

// What holds no bytes may have no memory either, and libsodium takes no null pointer.
TEST(SystemRandom, GivesNoBytesToo) {
  SystemRandom random;
  EXPECT_TRUE(random.bytes(0).empty());
}

}  // namespace
}  // namespace qnpc::crypto
