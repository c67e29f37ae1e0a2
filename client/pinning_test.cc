#include "client/pinning.h"

#include <gtest/gtest.h>

#include "qnpc/crypto/system_random.h"

namespace qnpc::client {
namespace {

using noise::Suite;

const std::string address = "server.example:7000";

class PinningTest : public testing::Test {
 protected:
  Pinning speaking(Suite suite, const std::string& given = {}) {
    return Pinning(given, suite, state.get());
  }
  // The words of the refusal; empty where there is none.
  static std::string refusal(const Pinning& pinning, const noise::PublicKey& key) {
    try {
      pinning.check_for(address)(key);
      return {};
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::pin_mismatch);
      return error.what();
    }
  }

  crypto::SystemRandom random;
  std::unique_ptr<State> state = State::in_memory(random);
  const noise::PublicKey key = crypto::generate_x25519_key(random).public_key;
  const noise::PublicKey other_key = crypto::generate_x25519_key(random).public_key;
};

TEST_F(PinningTest, AServerThatHasSpokenHybridIsNotSpokenToInClassic) {
  const Pinning hybrid = speaking(Suite::hybrid), classic = speaking(Suite::classic);
  EXPECT_EQ(hybrid.settle(address, key), Trust::first_use);
  EXPECT_EQ(refusal(hybrid, key), "");
  EXPECT_NE(refusal(classic, key).find("trust-server --noise classic --server-key " + to_hex(key)),
            std::string::npos);
  // A key on the command line says who the server is, not what it may be spoken to in.
  EXPECT_NE(refusal(speaking(Suite::classic, to_hex(key)), key), "");
  put_pin(*state, address, {key, Suite::classic});  // trust-server
  EXPECT_EQ(refusal(classic, key), "");
}

TEST_F(PinningTest, ABetterSuiteIsPinnedAndAWorseOneIsNot) {
  const Pinning hybrid = speaking(Suite::hybrid), classic = speaking(Suite::classic);
  EXPECT_EQ(classic.settle(address, key), Trust::first_use);
  EXPECT_EQ(find_pin(*state, address)->suite, Suite::classic);
  EXPECT_EQ(hybrid.settle(address, key), Trust::pinned);
  EXPECT_EQ(find_pin(*state, address)->suite, Suite::hybrid);
  classic.settle(address, key);
  EXPECT_EQ(find_pin(*state, address)->suite, Suite::hybrid);
}

TEST_F(PinningTest, AnotherKeyIsRefusedAndNotPinned) {
  const Pinning hybrid = speaking(Suite::hybrid);
  hybrid.settle(address, key);
  const std::string words = refusal(hybrid, other_key);
  EXPECT_NE(words.find(to_hex(key)), std::string::npos);
  EXPECT_NE(words.find(to_hex(other_key)), std::string::npos);
  // Given for one command, it does not change what the address is known by.
  const Pinning given = speaking(Suite::hybrid, to_hex(other_key));
  EXPECT_EQ(refusal(given, other_key), "");
  EXPECT_EQ(given.settle(address, other_key), Trust::given);
  EXPECT_EQ(find_pin(*state, address)->key, key);
}

TEST_F(PinningTest, APinFromBeforeSuitesWerePinnedIsAClassicOne) {
  state->pins.put(address, key);
  EXPECT_EQ(find_pin(*state, address)->key, key);
  EXPECT_EQ(refusal(speaking(Suite::classic), key), "");
  EXPECT_NE(refusal(speaking(Suite::hybrid), other_key), "");
  EXPECT_EQ(speaking(Suite::hybrid).settle(address, key), Trust::pinned);
  EXPECT_EQ(find_pin(*state, address)->suite, Suite::hybrid);
}

}  // namespace
}  // namespace qnpc::client
