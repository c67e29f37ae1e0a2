#include "qnpc/crypto/mlkem768.h"

#include <gtest/gtest.h>

#include "qnpc/crypto/system_random.h"
#include "tests/support/reason_of.h"

namespace qnpc::crypto {
namespace {

using test::reason_of;

class MlKem768 : public testing::Test {
 protected:
  SystemRandom random;
  MlKem768KeyPair key = generate_mlkem768_key(random);
};

TEST_F(MlKem768, BothSidesAgree) {
  EXPECT_EQ(key.public_key.size(), mlkem768_public_key_size);
  auto [secret, ciphertext] = mlkem768_encapsulate(key.public_key, random);
  EXPECT_EQ(secret.size(), 32u);
  EXPECT_EQ(ciphertext.size(), mlkem768_ciphertext_size);
  EXPECT_EQ(mlkem768_decapsulate(key.private_key, ciphertext), secret);
}

TEST_F(MlKem768, AChangedCiphertextYieldsAnotherSecret) {
  auto [secret, ciphertext] = mlkem768_encapsulate(key.public_key, random);
  ciphertext[500] ^= 1;
  Secret other = mlkem768_decapsulate(key.private_key, ciphertext);
  EXPECT_FALSE(other == secret);
  EXPECT_EQ(mlkem768_decapsulate(key.private_key, ciphertext), other);  // and always the same
}

// q itself is the smallest value that is not canonical, q - 1 the largest that is: in the first and
// in the second coefficient of three bytes, and in the last ones of the key.
TEST_F(MlKem768, RefusesKeysThatAreNotCanonical) {
  for (size_t at : {size_t{0}, size_t{1149}}) {
    for (unsigned value : {3328u, 3329u, 4095u}) {
      Bytes first = key.public_key;
      first[at] = static_cast<uint8_t>(value);
      first[at + 1] = static_cast<uint8_t>((first[at + 1] & 0xf0) | value >> 8);
      Bytes second = key.public_key;
      second[at + 1] = static_cast<uint8_t>((second[at + 1] & 0x0f) | (value & 0x0f) << 4);
      second[at + 2] = static_cast<uint8_t>(value >> 4);
      for (const Bytes& changed : {first, second}) {
        const bool canonical = value < 3329;
        EXPECT_EQ(valid_mlkem768_key(changed), canonical) << at << ", " << value;
        EXPECT_EQ(reason_of([&] { mlkem768_encapsulate(changed, random); }),
                  canonical ? std::nullopt : std::optional(Reason::bad_key))
            << at << ", " << value;
      }
    }
  }
}

TEST_F(MlKem768, RefusesWrongSizes) {
  const Bytes ciphertext = mlkem768_encapsulate(key.public_key, random).ciphertext;
  for (int more : {-1, 1}) {
    const auto resized = [&](Bytes bytes) {
      bytes.resize(bytes.size() + static_cast<size_t>(more));
      return bytes;
    };
    const Bytes public_key = resized(key.public_key);
    EXPECT_FALSE(valid_mlkem768_key(public_key));
    EXPECT_EQ(reason_of([&] { mlkem768_encapsulate(public_key, random); }), Reason::bad_key);
    EXPECT_EQ(reason_of([&] { mlkem768_decapsulate(key.private_key, resized(ciphertext)); }),
              Reason::bad_key);
  }
  EXPECT_EQ(reason_of([&] { mlkem768_decapsulate(Secret(2399), ciphertext); }), Reason::bad_key);
}

}  // namespace
}  // namespace qnpc::crypto
