// accounts_contract_test: what any store must do for identities: admission, invitations and
// delivery tokens.
#include <gtest/gtest.h>

#include "server/store/store_test_support.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::server {
namespace {

class AccountsContract : public testing::TestWithParam<MakeStore> {
 protected:
  ~AccountsContract() noexcept override = default;

  Reason enqueue(uint8_t inbox, uint64_t token) {
    return failure(store->enqueue(owner(inbox), token_hash(token), std::nullopt, to_bytes("x")),
                   scope);
  }
  /// Whether the identity may use the invitation.
  bool use(uint64_t token, uint8_t identity) {
    auto done = store->use_invitation(token_hash(token), owner(identity)).then([] { return 0; });
    Reason reason = failure(kj::mv(done), scope);
    EXPECT_TRUE(reason == accepted || reason == Reason::unauthorized) << name(reason);
    return reason == accepted;
  }
  void invite(uint64_t token, uint64_t uses) {
    Invitation invitation{token_hash(token), uses, 0, clock.now.load() + std::chrono::hours(1)};
    EXPECT_EQ(store->create_invitation(invitation).wait(scope), Put::stored);
  }

  static constexpr Reason accepted = Reason::internal;  // what `failure` says of a success
  test::TemporaryDirectory directory;
  TestClock clock;
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  std::unique_ptr<Store> store = GetParam()(directory.file("server.db"), clock);
};

TEST_P(AccountsContract, DeliversWithTheInboxsNewestTokenOnly) {
  EXPECT_EQ(enqueue(1, 0), Reason::unauthorized);  // it has none
  store->set_delivery_token(owner(1), token_hash(0)).wait(scope);
  EXPECT_EQ(enqueue(1, 0), accepted);
  EXPECT_EQ(enqueue(1, 1), Reason::unauthorized);
  EXPECT_EQ(enqueue(2, 0), Reason::unauthorized);
  store->set_delivery_token(owner(1), token_hash(1)).wait(scope);
  EXPECT_EQ(enqueue(1, 0), Reason::unauthorized);
  EXPECT_EQ(enqueue(1, 1), accepted);
  EXPECT_EQ(store->read(owner(1), 0, 0).wait(scope).entries.size(), 2u);
}

TEST_P(AccountsContract, KnowsTheStandingOfEach) {
  EXPECT_EQ(store->standing(owner(1)).wait(scope), Standing::unknown);
  for (uint8_t i : {3, 1, 2, 1}) store->set_standing(owner(i), Standing::admitted).wait(scope);
  store->set_standing(owner(3), Standing::removed).wait(scope);
  EXPECT_EQ(store->standing(owner(1)).wait(scope), Standing::admitted);
  EXPECT_EQ(store->standing(owner(3)).wait(scope), Standing::removed);
  EXPECT_EQ(store->admitted().wait(scope), (std::vector{owner(1), owner(2)}));
}

TEST_P(AccountsContract, AdmitsWhoeverIsUnknownAndNobodyWhoWasRemoved) {
  auto admit = [&](uint8_t identity) {
    return failure(store->admit(owner(identity)).then([] { return 0; }), scope);
  };
  EXPECT_EQ(admit(1), accepted);
  EXPECT_EQ(admit(1), accepted);
  EXPECT_EQ(store->standing(owner(1)).wait(scope), Standing::admitted);
  store->set_standing(owner(1), Standing::removed).wait(scope);
  EXPECT_EQ(admit(1), Reason::unauthorized);
  EXPECT_EQ(store->standing(owner(1)).wait(scope), Standing::removed);
  store->set_delivery_token(owner(2), token_hash(1)).wait(scope);  // it has an account
  EXPECT_EQ(admit(2), accepted);
  EXPECT_EQ(store->standing(owner(2)).wait(scope), Standing::admitted);
}

TEST_P(AccountsContract, AnIdentityMayMakeSoManyLogsInAll) {
  auto count = [&](uint8_t identity) {
    return failure(store->count_log(owner(identity)).then([] { return 0; }), scope);
  };
  store->set_standing(owner(1), Standing::admitted).wait(scope);
  for (uint64_t i = 0; i < small_limits().logs_per_identity; ++i) EXPECT_EQ(count(1), accepted);
  EXPECT_EQ(count(1), Reason::quota);
  clock.now = clock.now.load() + std::chrono::hours(24 * 365);
  EXPECT_EQ(count(1), Reason::quota);
  EXPECT_EQ(store->standing(owner(1)).wait(scope), Standing::admitted);
  EXPECT_EQ(count(2), accepted);  // nobody has heard of it
  EXPECT_EQ(store->standing(owner(2)).wait(scope), Standing::unknown);
}

TEST_P(AccountsContract, AnInvitationLetsSoManyIn) {
  invite(1, 2);
  EXPECT_TRUE(use(1, 1));
  EXPECT_TRUE(use(1, 1));  // the same once more
  EXPECT_TRUE(use(1, 2));
  EXPECT_FALSE(use(1, 3));
  EXPECT_TRUE(use(1, 2));
  EXPECT_FALSE(use(2, 1));
  auto all = store->invitations().wait(scope);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].token, token_hash(1));
  EXPECT_EQ(all[0].uses, 2u);
  EXPECT_EQ(all[0].used, 2u);
}

TEST_P(AccountsContract, AnInvitationExpires) {
  invite(1, 2);
  EXPECT_TRUE(use(1, 1));
  clock.now = clock.now.load() + std::chrono::hours(1);
  EXPECT_FALSE(use(1, 2));
  EXPECT_TRUE(use(1, 1));  // a retry of what was done
}

TEST_P(AccountsContract, AnInvitationIsRevokedOnce) {
  invite(1, 2);
  EXPECT_TRUE(use(1, 1));
  EXPECT_EQ(store->create_invitation({token_hash(1), 5, 0, {}}).wait(scope), Put::duplicate);
  EXPECT_TRUE(store->revoke_invitation(token_hash(1)).wait(scope));
  EXPECT_FALSE(store->revoke_invitation(token_hash(1)).wait(scope));
  EXPECT_FALSE(use(1, 1));
  EXPECT_TRUE(store->invitations().wait(scope).empty());
}

INSTANTIATE_TEST_SUITE_P(Stores, AccountsContract, both_stores(), store_name);

}  // namespace
}  // namespace qnpc::server
