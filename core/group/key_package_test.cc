#include "qnpc/group/key_package.h"

#include <gtest/gtest.h>

#include "qnpc/base/limits.h"
#include "qnpc/crypto/system_random.h"
#include "qnpc/group/group_member.h"

namespace qnpc::group {
namespace {

constexpr UnixTime now{1'800'000'000};

UnixTime after(std::chrono::seconds time) {
  return {now.seconds + static_cast<uint64_t>(time.count())};
}

class KeyPackageTest : public testing::Test {
 protected:
  KeyPackageTest() { alice.create_group("friends", now); }

  Bytes invite(View key_package, GroupMember& inviter) {
    OwnCommit commit = inviter.commit({.add = {to_bytes(key_package)}}, now);
    inviter.enter_pending_commit();
    return commit.welcome;
  }
  size_t kept() const { return keys.names("").size(); }

  crypto::SystemRandom random;
  MemoryStorage keys;
  MemoryStorage alices;
  const Identity alice_identity = Identity::generate(random);
  const Identity bob_identity = Identity::generate(random).with_inbox_token(Bytes(32, 7));
  GroupMember alice{alice_identity, alices, random};
  GroupMember bob{bob_identity, keys, random};
};

TEST_F(KeyPackageTest, TellsWhatItIsFor) {
  for (Suite suite : suites) {
    KeyPackageInfo info = inspect_key_package(bob.generate_key_package(now, suite));
    EXPECT_EQ(info.suite, suite);
    EXPECT_TRUE(equal(info.identity, bob_identity.identity_key()));
    EXPECT_EQ(info.inbox_token, Bytes(32, 7));
  }
  EXPECT_TRUE(inspect_key_package(alice.generate_key_package(now)).inbox_token.empty());
  EXPECT_THROW(inspect_key_package(as_view("nonsense")), Error);
}

TEST_F(KeyPackageTest, SuitesHaveNames) {
  for (Suite suite : suites) EXPECT_EQ(suite_named(name(suite)), suite);
  EXPECT_EQ(suite_named("rot13"), std::nullopt);
}

TEST_F(KeyPackageTest, EachSuiteMakesAGroup) {
  for (Suite suite : suites) {
    GroupMember maker(alice_identity, alices, random), joiner(bob_identity, keys, random);
    maker.create_group("friends", now, suite);
    Joined joined = joiner.join_group(invite(joiner.generate_key_package(now, suite), maker));
    EXPECT_EQ(joined.suite, suite);
    EXPECT_EQ(joiner.suite(), suite);
    EXPECT_EQ(joiner.epoch_authenticator(), maker.epoch_authenticator());
    // And a way back into it.
    RejoinRequest request = read_rejoin_request(joiner.request_rejoin(now));
    EXPECT_EQ(inspect_key_package(request.key_package).suite, suite);
  }
}

TEST_F(KeyPackageTest, OneOfAnotherSuiteIsRefused) {
  EXPECT_THROW(alice.commit({.add = {bob.generate_key_package(now, Suite::x25519)}}, now), Error);
  EXPECT_FALSE(alice.has_pending_commit());
}

TEST_F(KeyPackageTest, OneOfLastResortIsAmongItsCapabilities) {  // RFC 9420 10
  auto made = std::get<mls::KeyPackage>(mls::parse_message(bob.generate_last_resort(now)).content);
  EXPECT_TRUE(made.is_last_resort());
  EXPECT_TRUE(made.leaf_node.capabilities.support(made.extensions));
}

// It was not, at first, and those are with the servers still. Who receives one does not mind.
TEST_F(KeyPackageTest, OneOfLastResortThatDoesNotSayItIsTaken) {
  bob.generate_last_resort(now);
  const std::string name = keys.names("key_package/").at(0);
  const Secret record = *keys.get(name);
  codec::Reader r(record.reveal());
  auto old = codec::read<mls::KeyPackage>(r);
  const mls::Suite& suite = mls::suite_of(old.cipher_suite);
  old.leaf_node.capabilities.extensions = {group_name_extension, group_log_extension,
                                           inbox_token_extension};
  old.leaf_node.sign(suite, bob_identity.key_pair(), std::nullopt);
  old.sign(suite, bob_identity.key_pair());
  codec::SecretWriter w;
  codec::write(w, old);
  codec::write(w, codec::read<Secret>(r));
  codec::write(w, codec::read<Secret>(r));
  keys.erase(name);
  keys.put("key_package/" + to_hex(old.ref()), Secret(w.take()));

  EXPECT_TRUE(bob.join_group(invite(mls::to_message(old), alice)).was_last_resort);
  EXPECT_EQ(bob.epoch_authenticator(), alice.epoch_authenticator());
}

TEST_F(KeyPackageTest, IsForgottenWhenItIsUsedUnlessItIsALastResort) {
  Bytes once = bob.generate_key_package(now);
  Bytes last = bob.generate_last_resort(now);
  EXPECT_EQ(kept(), 2u);
  GroupMember second(alice_identity, alices, random), again(bob_identity, keys, random);
  second.create_group("others", now);
  Joined joined = bob.join_group(invite(once, alice));
  EXPECT_FALSE(joined.was_last_resort);
  EXPECT_EQ(joined.key_package, key_package_ref(once));
  EXPECT_EQ(kept(), 1u);
  joined = again.join_group(invite(last, second));
  EXPECT_TRUE(joined.was_last_resort);
  EXPECT_EQ(joined.key_package, key_package_ref(last));
  EXPECT_EQ(kept(), 1u);
  forget_key_package(joined.key_package, keys);
  EXPECT_EQ(kept(), 0u);
}

TEST_F(KeyPackageTest, PrivateKeysGoWhenItHasExpired) {
  bob.generate_last_resort(now);
  bob.generate_key_package(after(limits::key_package_lifetime / 2));
  keys.put("of something else", Secret(1));
  forget_expired_key_packages(keys, after(limits::key_package_lifetime));
  EXPECT_EQ(kept(), 3u);
  forget_expired_key_packages(keys, after(limits::key_package_lifetime + std::chrono::seconds(1)));
  EXPECT_EQ(kept(), 2u);
  forget_expired_key_packages(keys, after(2 * limits::key_package_lifetime));
  EXPECT_EQ(keys.names(""), std::vector<std::string>{"of something else"});
}

}  // namespace
}  // namespace qnpc::group
