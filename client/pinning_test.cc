#include "client/pinning.h"

#include <gtest/gtest.h>

#include "qnpc/crypto/system_random.h"
#include "tests/support/reason_of.h"

namespace qnpc::client {
namespace {

using noise::Suite;

const std::string address = "server.example:7000";

class PinningTest : public testing::Test {
 protected:
  Pinning speaking(Suite suite, const std::optional<noise::PublicKey>& given = {}) {
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
  EXPECT_NE(refusal(classic, key)
                .find("trust-server --noise classic --server " + address + " --server-key " +
                      to_hex(key)),
            std::string::npos);
  // A key on the command line says who the server is, not what it may be spoken to in.
  EXPECT_NE(refusal(speaking(Suite::classic, key), key), "");
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
  const Pinning given = speaking(Suite::hybrid, other_key);
  EXPECT_EQ(refusal(given, other_key), "");
  EXPECT_EQ(given.settle(address, other_key), Trust::given);
  EXPECT_EQ(find_pin(*state, address)->key, key);
}

TEST_F(PinningTest, AKeyThatIsGivenInThePlaceOfAnotherIsPinnedWithItsSuite) {
  speaking(Suite::hybrid).settle(address, key);
  const Pinning hybrid = speaking(Suite::hybrid, other_key);
  const Pinning classic = speaking(Suite::classic, other_key);
  EXPECT_EQ(refusal(classic, other_key), "");
  classic.settle(address, other_key);
  EXPECT_EQ(refusal(classic, other_key), "");
  hybrid.settle(address, other_key);
  EXPECT_NE(refusal(classic, other_key), "");
  EXPECT_EQ(refusal(hybrid, other_key), "");
  EXPECT_EQ(find_pin(*state, address)->key, key);
  EXPECT_EQ(refusal(speaking(Suite::hybrid), key), "");
}

TEST_F(PinningTest, APinFromBeforeSuitesWerePinnedIsAClassicOne) {
  state->pins.put(address, key);
  EXPECT_EQ(find_pin(*state, address)->key, key);
  EXPECT_EQ(refusal(speaking(Suite::classic), key), "");
  EXPECT_NE(refusal(speaking(Suite::hybrid), other_key), "");
  EXPECT_EQ(speaking(Suite::hybrid).settle(address, key), Trust::pinned);
  EXPECT_EQ(find_pin(*state, address)->suite, Suite::hybrid);
}

TEST_F(PinningTest, TheDeliveryPortIsThatOfTheServerWithThePinnedKey) {
  speaking(Suite::classic).settle(address, key);
  EXPECT_EQ(find_pin(*state, address)->delivery_port, 0);
  note_delivery_port(*state, address, key, 0x1234);
  EXPECT_EQ(find_pin(*state, address)->delivery_port, 0x1234);
  note_delivery_port(*state, address, other_key, 7001);
  speaking(Suite::hybrid).settle(address, key);  // the better suite takes nothing from it
  EXPECT_EQ(find_pin(*state, address)->delivery_port, 0x1234);
  EXPECT_EQ(find_pin(*state, address)->suite, Suite::hybrid);
}

TEST_F(PinningTest, AKeyIsGivenInTheAddressOrByItselfAndNotTwoKeys) {
  rpc::ServerAddress bare = rpc::parse_server_address(address, 0), whole = bare;
  whole.key = key;
  EXPECT_EQ(given_key("", bare), std::nullopt);
  EXPECT_EQ(given_key("", whole), key);
  EXPECT_EQ(given_key(to_hex(key), bare), key);
  EXPECT_EQ(given_key(to_hex(key), whole), key);
  for (const std::string& wrong : {to_hex(other_key), std::string("00"), std::string("x")}) {
    EXPECT_EQ(test::reason_of([&] { given_key(wrong, whole); }), Reason::usage) << wrong;
  }
  Options options;
  options.ds_server = whole.to_text();
  EXPECT_EQ(test::reason_of([&] { delivery_address(options); }), Reason::usage);
}

}  // namespace
}  // namespace qnpc::client
