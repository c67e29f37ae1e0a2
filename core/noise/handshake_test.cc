#include "qnpc/noise/handshake.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "qnpc/crypto/system_random.h"
#include "tests/support/reason_of.h"

namespace qnpc::noise {
namespace {

using test::reason_of;

struct Protocol {
  std::string name;
  const Pattern& pattern;
  std::array<size_t, 3> sizes;  // of the messages with empty payloads, docs/noise.md
};
const Protocol classic{"XX", xx, {32, 96, 64}};
const Protocol hybrid{"XXhfs", xxhfs, {1216, 1200, 64}};

class HandshakeTest : public testing::TestWithParam<Protocol> {
 protected:
  Handshake make(Role role, View prologue = {}) {
    return {GetParam().pattern, role, role == Role::initiator ? alice : bob, random, prologue};
  }
  static size_t size_of(int number) { return GetParam().sizes.at(static_cast<size_t>(number)); }
  // Exchanges the messages before number `count`.
  static void advance(Handshake& initiator, Handshake& responder, int count) {
    for (int i = 0; i < count; ++i) {
      Handshake& from = i % 2 == 0 ? initiator : responder;
      Handshake& to = i % 2 == 0 ? responder : initiator;
      to.read_message(from.write_message());
    }
  }

  crypto::SystemRandom random;
  StaticKey alice = crypto::generate_x25519_key(random);
  StaticKey bob = crypto::generate_x25519_key(random);
};

TEST_P(HandshakeTest, BothLearnEachOther) {
  Handshake a = make(Role::initiator);
  Handshake b = make(Role::responder);
  for (int i = 0; i < 3; ++i) {
    Handshake& from = i % 2 == 0 ? a : b;
    Handshake& to = i % 2 == 0 ? b : a;
    EXPECT_TRUE(from.my_turn());
    EXPECT_FALSE(to.my_turn());
    Bytes message = from.write_message();
    EXPECT_EQ(message.size(), size_of(i));
    EXPECT_TRUE(to.read_message(message).empty());
  }
  EXPECT_TRUE(a.complete());
  Transport ta = std::move(a).finish();
  Transport tb = std::move(b).finish();
  EXPECT_EQ(ta.remote_static(), bob.public_key);
  EXPECT_EQ(tb.remote_static(), alice.public_key);
  EXPECT_EQ(ta.handshake_hash(), tb.handshake_hash());
}

TEST_P(HandshakeTest, TheInitiatorLearnsTheResponderBeforeItNamesItself) {
  Handshake a = make(Role::initiator);
  Handshake b = make(Role::responder);
  EXPECT_EQ(reason_of([&] { a.remote_static(); }), Reason::internal);
  advance(a, b, 2);
  EXPECT_EQ(a.remote_static(), bob.public_key);
  EXPECT_EQ(reason_of([&] { b.remote_static(); }), Reason::internal);
}

TEST_P(HandshakeTest, EveryFlippedByteIsRefusedAndKillsIt) {
  for (int number : {1, 2}) {
    for (size_t i = 0; i < size_of(number); ++i) {
      Handshake a = make(Role::initiator);
      Handshake b = make(Role::responder);
      advance(a, b, number);
      Handshake& from = number == 1 ? b : a;
      Handshake& to = number == 1 ? a : b;
      Bytes message = from.write_message();
      message[i] ^= 1;
      EXPECT_EQ(reason_of([&] { to.read_message(message); }), Reason::handshake_failed) << i;
      message[i] ^= 1;
      EXPECT_EQ(reason_of([&] { to.read_message(message); }), Reason::internal) << i;
      EXPECT_EQ(reason_of([&] { to.write_message(); }), Reason::internal) << i;
      EXPECT_EQ(reason_of([&] { std::move(to).finish(); }), Reason::internal) << i;
    }
  }
}

TEST_P(HandshakeTest, AFlippedFirstMessageIsNoticedInTheSecond) {
  Handshake a = make(Role::initiator);
  Handshake b = make(Role::responder);
  Bytes first = a.write_message();
  first[0] ^= 1;
  b.read_message(first);
  EXPECT_EQ(reason_of([&] { a.read_message(b.write_message()); }), Reason::handshake_failed);
}

TEST_P(HandshakeTest, EveryTruncationIsRefused) {
  for (int number = 0; number < 3; ++number) {
    for (size_t length = 0; length < size_of(number); ++length) {
      Handshake a = make(Role::initiator);
      Handshake b = make(Role::responder);
      advance(a, b, number);
      Handshake& from = number % 2 == 0 ? a : b;
      Handshake& to = number % 2 == 0 ? b : a;
      Bytes message = from.write_message();
      message.resize(length);
      EXPECT_EQ(reason_of([&] { to.read_message(message); }), Reason::handshake_failed) << length;
    }
  }
}

TEST_P(HandshakeTest, AnotherPrologueIsRefused) {
  Handshake a = make(Role::initiator, as_view("one"));
  Handshake b = make(Role::responder, as_view("two"));
  b.read_message(a.write_message());
  EXPECT_EQ(reason_of([&] { a.read_message(b.write_message()); }), Reason::handshake_failed);
}

TEST_P(HandshakeTest, KeysOfLowOrderAreRefused) {
  for (uint8_t first : {0, 1}) {
    Handshake b = make(Role::responder);
    Bytes low_order = make(Role::initiator).write_message();
    std::fill_n(low_order.begin(), 32, uint8_t{0});
    low_order[0] = first;
    b.read_message(low_order);  // no DH yet: noticed when the answer is made
    EXPECT_EQ(reason_of([&] { b.write_message(); }), Reason::bad_key);
    EXPECT_EQ(reason_of([&] { b.write_message(); }), Reason::internal);
  }
}

TEST_P(HandshakeTest, KeysOfLowOrderInTheAnswersAreRefused) {
  // The words, since a tag that does not verify is refused for the same reason.
  auto expect_refused = [](Handshake& reader, const Bytes& message) {
    try {
      reader.read_message(message);
      ADD_FAILURE() << "it was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::handshake_failed);
      EXPECT_NE(std::string(error.what()).find("has low order"), std::string::npos) << error.what();
    }
  };
  for (uint8_t first : {0, 1}) {
    StaticKey low_order = crypto::generate_x25519_key(random);
    low_order.public_key.fill(0);
    low_order.public_key[0] = first;
    // The responder's ephemeral key, which stands in clear.
    Handshake a = make(Role::initiator);
    Handshake b = make(Role::responder);
    b.read_message(a.write_message());
    Bytes answer = b.write_message();
    std::ranges::copy(low_order.public_key, answer.begin());
    expect_refused(a, answer);
    EXPECT_EQ(reason_of([&] { a.write_message(); }), Reason::internal);
    // Static keys, which their owners have encrypted as they should.
    a = make(Role::initiator);
    b = Handshake(GetParam().pattern, Role::responder, low_order, random, {});
    b.read_message(a.write_message());
    expect_refused(a, b.write_message());
    a = Handshake(GetParam().pattern, Role::initiator, low_order, random, {});
    b = make(Role::responder);
    advance(a, b, 2);
    expect_refused(b, a.write_message());
  }
}

TEST_P(HandshakeTest, StepsOutOfTurnAreErrors) {
  EXPECT_EQ(reason_of([&] { make(Role::responder).write_message(); }), Reason::internal);
  EXPECT_EQ(reason_of([&] { make(Role::initiator).read_message(Bytes(size_of(0))); }),
            Reason::internal);
  EXPECT_EQ(reason_of([&] { make(Role::initiator).finish(); }), Reason::internal);
  Handshake a = make(Role::initiator);
  Handshake b = make(Role::responder);
  advance(a, b, 3);
  EXPECT_EQ(reason_of([&] { a.write_message(); }), Reason::internal);
  EXPECT_EQ(reason_of([&] { b.read_message({}); }), Reason::internal);
}

TEST_P(HandshakeTest, APayloadThatIsTooLongIsRefused) {
  Handshake a = make(Role::initiator);
  const size_t most = 65535 - size_of(0);
  EXPECT_EQ(make(Role::initiator).write_message(Bytes(most)).size(), 65535u);
  EXPECT_EQ(reason_of([&] { a.write_message(Bytes(most + 1)); }), Reason::too_large);
}

INSTANTIATE_TEST_SUITE_P(Noise, HandshakeTest, testing::Values(classic, hybrid),
                         [](const auto& test) { return test.param.name; });

class HybridHandshakeTest : public HandshakeTest {};

TEST_P(HybridHandshakeTest, AKemKeyThatIsNotCanonicalIsRefused) {
  Bytes message = make(Role::initiator).write_message();
  message[32] = message[33] = 0xff;  // the first coefficient is 4095, and q 3329
  Handshake b = make(Role::responder);
  b.read_message(message);  // nothing was encapsulated yet: noticed when the answer is made
  EXPECT_EQ(reason_of([&] { b.write_message(); }), Reason::bad_key);
  EXPECT_EQ(reason_of([&] { b.write_message(); }), Reason::internal);
}

INSTANTIATE_TEST_SUITE_P(Noise, HybridHandshakeTest, testing::Values(hybrid));

}  // namespace
}  // namespace qnpc::noise
