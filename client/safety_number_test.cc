#include "client/safety_number.h"

#include <gtest/gtest.h>

#include "tests/support/reason_of.h"

namespace qnpc::client {
namespace {

Bytes counted() {
  Bytes out;
  for (uint8_t i = 0; i < 32; ++i) out.push_back(i);
  return out;
}

// As an implementation of docs/verification.md in another language computes them.
TEST(SafetyNumber, IsThatOfTheDocument) {
  EXPECT_EQ(safety_number(counted(), Bytes(32, 0xff)),
            "903501218369130451361297966680717179751850329234235403621255");
  EXPECT_EQ(safety_number(Bytes(32, 1), Bytes(32, 2)),
            "959673326008822643002451796507807135795298319754297273582977");
}

TEST(SafetyNumber, IsTheSameForBothAndAnotherForAnotherKey) {
  const Bytes alice = counted(), bob(32, 7);
  const std::string number = safety_number(alice, bob);
  EXPECT_EQ(safety_number(bob, alice), number);
  Bytes close = bob;
  close.back() ^= 1;
  EXPECT_NE(safety_number(alice, close), number);
}

TEST(SafetyNumber, IsReadAndTypedInGroups) {
  const std::string number = safety_number(counted(), Bytes(32, 0xff));
  EXPECT_EQ(grouped(number),
            "90350 12183 69130 45136 12979 66680\n71717 97518 50329 23423 54036 21255");
  EXPECT_EQ(parse_safety_number(grouped(number)), number);
  EXPECT_EQ(parse_safety_number(number), number);
  for (const std::string& wrong : {std::string(), number + "0", number.substr(1),
                                   number.substr(1) + "x", "+" + number.substr(1)}) {
    EXPECT_EQ(test::reason_of([&] { parse_safety_number(wrong); }), Reason::usage) << wrong;
  }
}

}  // namespace
}  // namespace qnpc::client
