#include "client/key_packages.h"

#include <gtest/gtest.h>

#include "client/limits.h"
#include "client/messenger_test_support.h"
#include "qnpc/base/limits.h"

namespace qnpc::client {
namespace {

using group::Suite;

class KeyPackagesTest : public testing::Test {
 protected:
  ~KeyPackagesTest() noexcept override = default;

  KeyPackages& own() { return person.messenger.key_packages(); }
  void let_pass(std::chrono::milliseconds time) { person.time_ms += in_ms(time); }
  size_t private_keys() { return person.state->key_packages.names("").size(); }
  /// What a client does where the server has none.
  void fill() {
    for (Suite suite : group::suites) {
      own().stock_is_new(suite);
      own().unpublished(suite, 1);
      own().published(suite);
      own().last_resort_published(suite, own().unpublished_last_resort(suite));
    }
    own().filled();
  }
  void use_last_resort(Suite suite) {
    Transaction transaction(person.state->database());
    own().was_used({.suite = suite, .was_last_resort = true});
    transaction.commit();
  }

  crypto::SystemRandom random;
  FakeServer server;
  test::Person person{random, server};
};

TEST_F(KeyPackagesTest, TheSameOnesUntilTheyArePublished) {
  const std::vector<Bytes> two = own().unpublished(Suite::x25519, 2);
  EXPECT_NE(two[0], two[1]);
  EXPECT_EQ(own().unpublished(Suite::x25519, 2), two);
  EXPECT_EQ(own().unpublished(Suite::x25519, 1).at(0), two[0]);
  EXPECT_EQ(own().unpublished(Suite::x25519, 3).at(1), two[1]);
  EXPECT_NE(own().unpublished(Suite::xwing, 1).at(0), two[0]);
  own().published(Suite::x25519);
  EXPECT_NE(own().unpublished(Suite::x25519, 1).at(0), two[0]);
}

TEST_F(KeyPackagesTest, TheSameLastResortUntilItIsPublished) {
  const Bytes package = own().unpublished_last_resort(Suite::x25519);
  EXPECT_EQ(own().unpublished_last_resort(Suite::x25519), package);
  EXPECT_EQ(private_keys(), 1u);
  own().last_resort_published(Suite::x25519, package);
  EXPECT_NE(own().unpublished_last_resort(Suite::x25519), package);
}

TEST_F(KeyPackagesTest, AClockThatIsSetBackErasesNoLastResort) {
  fill();
  own().last_resort_published(Suite::xwing, own().unpublished_last_resort(Suite::xwing));
  person.time_ms -= in_ms(std::chrono::hours(1));
  own().filled();
  EXPECT_EQ(private_keys(), 5u);
  let_pass(limits::last_resort_grace);
  own().filled();
  EXPECT_EQ(private_keys(), 4u);
}

TEST_F(KeyPackagesTest, AnOldOneThatWasNotPublishedIsMadeAnew) {
  const Bytes package = own().unpublished(Suite::xwing, 1).at(0);
  let_pass(limits::key_package_age - std::chrono::seconds(1));
  EXPECT_EQ(own().unpublished(Suite::xwing, 2).at(0), package);
  let_pass(std::chrono::seconds(1));
  EXPECT_NE(own().unpublished(Suite::xwing, 1).at(0), package);
}

TEST_F(KeyPackagesTest, AllAreMadeAnewWhenTheySayWhatIsNoLongerTrue) {
  fill();
  const Bytes package = own().unpublished(Suite::xwing, 1).at(0);
  Transaction transaction(person.state->database());
  own().renew();
  transaction.commit();
  EXPECT_TRUE(own().is_due());
  for (Suite suite : group::suites) {
    EXPECT_TRUE(own().is_stock_old(suite));
    EXPECT_TRUE(own().is_last_resort_old(suite));
  }
  EXPECT_NE(own().unpublished(Suite::xwing, 1).at(0), package);
}

TEST_F(KeyPackagesTest, AStateThatHasLeftNoneIsDue) {
  EXPECT_TRUE(own().is_due());
  for (Suite suite : group::suites) {
    EXPECT_TRUE(own().is_stock_old(suite));
    EXPECT_TRUE(own().is_last_resort_old(suite));
  }
  fill();
  EXPECT_FALSE(own().is_due());
  for (Suite suite : group::suites) {
    EXPECT_FALSE(own().is_stock_old(suite));
    EXPECT_FALSE(own().is_last_resort_old(suite));
  }
}

TEST_F(KeyPackagesTest, IsDueOnceADayAndWhenOneWasUsed) {
  fill();
  let_pass(limits::stock_check - std::chrono::seconds(1));
  EXPECT_FALSE(own().is_due());
  let_pass(std::chrono::seconds(1));
  EXPECT_TRUE(own().is_due());
  fill();
  own().was_used({.suite = Suite::xwing});
  EXPECT_TRUE(own().is_due());
  EXPECT_FALSE(own().is_last_resort_old(Suite::xwing));
  fill();
  person.time_ms -= in_ms(std::chrono::hours(1));  // the clock was set back
  EXPECT_TRUE(own().is_due());
}

TEST_F(KeyPackagesTest, AServerThatIsAwayIsNotAskedAtEachMessage) {
  own().failed();
  EXPECT_FALSE(own().is_due());
  own().was_used({.suite = Suite::xwing});
  EXPECT_FALSE(own().is_due());
  let_pass(limits::stock_retry);
  EXPECT_TRUE(own().is_due());
  fill();
  own().was_used({.suite = Suite::xwing});
  EXPECT_TRUE(own().is_due());
}

TEST_F(KeyPackagesTest, AllAreReplacedWhenTheyAreOld) {
  fill();
  let_pass(limits::key_package_age);
  for (Suite suite : group::suites) {
    EXPECT_TRUE(own().is_stock_old(suite));
    EXPECT_TRUE(own().is_last_resort_old(suite));
  }
}

TEST_F(KeyPackagesTest, AUsedLastResortIsReplacedAndItsKeysStayForAWhile) {
  fill();
  EXPECT_EQ(private_keys(), 4u);
  use_last_resort(Suite::xwing);
  EXPECT_TRUE(own().is_last_resort_old(Suite::xwing));
  EXPECT_FALSE(own().is_last_resort_old(Suite::x25519));
  own().last_resort_published(Suite::xwing, own().unpublished_last_resort(Suite::xwing));
  own().filled();
  EXPECT_FALSE(own().is_last_resort_old(Suite::xwing));
  EXPECT_EQ(private_keys(), 5u);
  let_pass(limits::last_resort_grace - std::chrono::seconds(1));
  own().filled();
  EXPECT_EQ(private_keys(), 5u);
  let_pass(std::chrono::seconds(1));
  own().filled();
  EXPECT_EQ(private_keys(), 4u);
}

TEST_F(KeyPackagesTest, WhoUsesUpLastResortsFillsNoState) {
  for (size_t i = 0; i < limits::replaced_last_resorts + 5; ++i) {
    own().last_resort_published(Suite::xwing, own().unpublished_last_resort(Suite::xwing));
  }
  EXPECT_EQ(private_keys(), limits::replaced_last_resorts + 1);
}

TEST_F(KeyPackagesTest, PrivateKeysOfExpiredOnesAreErased) {
  fill();
  EXPECT_EQ(private_keys(), 4u);
  let_pass(qnpc::limits::key_package_lifetime + std::chrono::seconds(1));
  own().filled();
  EXPECT_EQ(private_keys(), 0u);
}

TEST_F(KeyPackagesTest, TheyAreErasedAlsoWhereTheServerCannotBeAsked) {
  fill();
  let_pass(qnpc::limits::key_package_lifetime + std::chrono::seconds(1));
  own().failed();
  EXPECT_EQ(private_keys(), 0u);
}

}  // namespace
}  // namespace qnpc::client
