// key_packages_contract_test: what Store promises of KeyPackages, asked of the SQLite store and of
// the model.
#include <gtest/gtest.h>

#include <set>

#include "server/store/store_test_support.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::server {
namespace {

class KeyPackagesContract : public testing::TestWithParam<MakeStore> {
 protected:
  ~KeyPackagesContract() noexcept override = default;

  Put upload(uint8_t identity, uint32_t number, std::string_view package, CipherSuite suite = 1) {
    return store->put_key_package(owner(identity), suite, fingerprint(number), to_bytes(package))
        .wait(scope);
  }
  void upload_last_resort(uint8_t identity, std::string_view package, CipherSuite suite = 1) {
    store->put_last_resort(owner(identity), suite, to_bytes(package)).wait(scope);
  }
  std::string take(uint8_t identity, CipherSuite suite = 1) {
    auto package = store->take_key_package(owner(identity), suite).wait(scope);
    return package ? to_text(*package) : "none";
  }
  std::string stock(uint8_t identity, CipherSuite suite = 1) {
    KeyPackageStock stock = store->key_package_stock(owner(identity), suite).wait(scope);
    return std::to_string(stock.count) + (stock.has_last_resort ? " and one" : "");
  }
  void drop(uint8_t identity, CipherSuite suite) {
    store->drop_key_packages(owner(identity), suite).wait(scope);
  }
  void let_pass(std::chrono::seconds time) { clock.now = clock.now.load() + time; }

  static constexpr std::chrono::hours age{60};  // small_limits().key_package_age
  test::TemporaryDirectory directory;
  TestClock clock;
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  std::unique_ptr<Store> store = GetParam()(directory.file("server.db"), clock);
};

TEST_P(KeyPackagesContract, AreGivenOldestFirstAndOnce) {
  EXPECT_EQ(take(1), "none");
  upload(1, 10, "a");
  upload(1, 11, "b");
  upload(2, 12, "other");
  EXPECT_EQ(take(1), "a");
  EXPECT_EQ(take(1), "b");
  EXPECT_EQ(take(1), "none");
  EXPECT_EQ(take(2), "other");
}

TEST_P(KeyPackagesContract, TheLastResortIsThereForItself) {
  EXPECT_FALSE(store->last_resort(owner(1), 1).wait(scope));
  upload(1, 10, "a");
  upload_last_resort(1, "last");
  upload_last_resort(1, "of another suite", 2);
  EXPECT_EQ(to_text(store->last_resort(owner(1), 1).wait(scope).value()), "last");
  EXPECT_EQ(take(1), "a");
  let_pass(age);
  EXPECT_FALSE(store->last_resort(owner(1), 1).wait(scope));
}

TEST_P(KeyPackagesContract, RepeatedUploadIsNotHandedOutAgain) {
  EXPECT_EQ(upload(1, 10, "a"), Put::stored);
  EXPECT_EQ(upload(1, 10, "a"), Put::duplicate);
  EXPECT_EQ(take(1), "a");
  EXPECT_EQ(upload(1, 10, "a"), Put::duplicate);
  EXPECT_EQ(take(1), "none");
  EXPECT_EQ(upload(2, 10, "a"), Put::stored);  // another identity is another matter
}

TEST_P(KeyPackagesContract, RacingTakersGetDifferentPackages) {
  upload(1, 10, "a");
  upload(1, 11, "b");
  std::vector<kj::Promise<std::optional<Bytes>>> takers;
  for (int i = 0; i < 5; ++i) takers.push_back(store->take_key_package(owner(1), 1));
  std::multiset<std::string> got;
  for (auto& taker : takers) {
    auto package = taker.wait(scope);
    got.insert(package ? to_text(*package) : "none");
  }
  EXPECT_EQ(got, (std::multiset<std::string>{"a", "b", "none", "none", "none"}));
}

TEST_P(KeyPackagesContract, TheLastResortIsGivenWhenThereIsNothingElseAndStays) {
  upload_last_resort(1, "last");
  upload(1, 1, "first");
  EXPECT_EQ(stock(1), "1 and one");
  for (const char* expected : {"first", "last", "last"}) EXPECT_EQ(take(1), expected);
  upload_last_resort(1, "newer");
  EXPECT_EQ(take(1), "newer");
  EXPECT_EQ(take(2), "none");
  EXPECT_EQ(stock(1), "0 and one");
  EXPECT_EQ(stock(2), "0");
}

TEST_P(KeyPackagesContract, EachSuiteHasItsOwn) {
  upload(1, 1, "classic");
  upload(1, 2, "hybrid", 77);
  upload_last_resort(1, "last hybrid", 77);
  EXPECT_EQ(stock(1), "1");
  EXPECT_EQ(stock(1, 77), "1 and one");
  EXPECT_EQ(stock(1, 3), "0");
  EXPECT_EQ(take(1), "classic");
  EXPECT_EQ(take(1), "none");
  upload_last_resort(1, "last classic");
  for (const char* expected : {"hybrid", "last hybrid"}) EXPECT_EQ(take(1, 77), expected);
  EXPECT_EQ(take(1), "last classic");
}

TEST_P(KeyPackagesContract, DroppingLeavesTheLastResortAndOtherSuites) {
  upload_last_resort(1, "last");
  for (uint32_t i = 0; i < 2; ++i) upload(1, i, "old");
  upload(1, 2, "hybrid", 77);
  EXPECT_EQ(failure(store->put_key_package(owner(1), 1, fingerprint(3), to_bytes("x")), scope),
            Reason::quota);
  drop(1, 1);
  drop(2, 1);
  EXPECT_EQ(stock(1), "0 and one");
  EXPECT_EQ(stock(1, 77), "1");
  EXPECT_EQ(upload(1, 0, "old"), Put::duplicate);
  EXPECT_EQ(upload(1, 3, "fresh"), Put::stored);  // there is room again
  for (const char* expected : {"fresh", "last"}) EXPECT_EQ(take(1), expected);
}

TEST_P(KeyPackagesContract, NoneIsGivenAfterItsTime) {
  upload(1, 1, "old");
  upload_last_resort(1, "last");
  let_pass(age / 2);
  upload(1, 2, "fresh");
  let_pass(age / 2);
  EXPECT_EQ(take(1), "fresh");
  EXPECT_EQ(take(1), "none");
  store->expire().wait(scope);
  EXPECT_EQ(stock(1), "0");
  for (uint32_t i = 3; i < 7; ++i) EXPECT_EQ(upload(1, i, "x"), Put::stored);  // all is room again
}

TEST_P(KeyPackagesContract, AClockThatWasAheadKeepsNothingLonger) {
  let_pass(100 * age);
  upload(1, 1, "from the future");
  let_pass(-100 * age);
  store->expire().wait(scope);
  EXPECT_EQ(stock(1), "1");
  let_pass(age);
  EXPECT_EQ(take(1), "none");
}

TEST_P(KeyPackagesContract, LastResortsCountAsWell) {
  for (CipherSuite suite = 0; suite < 4; ++suite) upload_last_resort(1, "last", suite);
  upload_last_resort(2, "of another");
  EXPECT_EQ(
      failure(store->put_last_resort(owner(1), 9, to_bytes("x")).then([] { return 0; }), scope),
      Reason::quota);
  EXPECT_EQ(stock(1, 9), "0");
}

INSTANTIATE_TEST_SUITE_P(Stores, KeyPackagesContract, both_stores(), store_name);

}  // namespace
}  // namespace qnpc::server
