// Groups that ask for certificates of a CA, and members who show one where nobody asks.
#include <gtest/gtest.h>

#include "qnpc/crypto/system_random.h"
#include "qnpc/crypto/x509_test_ca.h"
#include "qnpc/group/group_member.h"
#include "qnpc/group/key_package.h"
#include "tests/support/reject_of.h"

namespace qnpc::group {
namespace {

using crypto::SignatureScheme;
using crypto::TestCa;
using mls::Reject;
using test::reject_of;

constexpr UnixTime now{1'800'000'000};
constexpr UnixTime too_late{1'950'000'000};  // behind the certificates' end

class Person {
 public:
  explicit Person(Random& random)
      : identity(Identity::generate(random)), member(identity, keys, random) {}

  Bytes key() const { return to_bytes(identity.identity_key()); }
  void certify(const TestCa& ca, const std::string& name) {
    identity = identity.with_certificates(
        {ca.issue({.name = name}, SignatureScheme::ed25519, identity.key_pair())});
  }
  Bytes key_package() { return member.generate_key_package(now); }
  OwnCommit commit(const Changes& changes) {
    OwnCommit made = member.commit(changes, now);
    member.enter_pending_commit();
    return made;
  }
  OwnCommit add(Person& other) { return commit({.add = {other.key_package()}}); }

  Identity identity;
  MemoryStorage keys;
  GroupMember member;
};

class CertifiedGroup : public testing::Test {
 protected:
  CertifiedGroup() {
    alice.certify(ca, "alice");
    bob.certify(ca, "bob");
  }
  void create() {
    alice.member.require_certificates(trusted);
    alice.member.create_group("staff", now);
  }
  // Bob joins, and asks for the same.
  void create_with_bob() {
    create();
    bob.member.join_group(alice.add(bob).welcome);
    bob.member.require_certificates(trusted);
    EXPECT_FALSE(bob.member.uncertified(now).has_value());
  }

  crypto::SystemRandom random;
  TestCa ca{"Example CA", SignatureScheme::ed25519, random};
  TestCa rogue{"Example CA", SignatureScheme::ed25519, random};
  const std::vector<Bytes> trusted{ca.certificate()};
  Person alice{random}, bob{random}, carol{random};
};

TEST_F(CertifiedGroup, MembersWithCertificatesTalkAndAreCalledAsTheirCaSays) {
  create_with_bob();
  const Received received =
      bob.member.receive_message(alice.member.send_message(as_view("hello")), now);
  EXPECT_EQ(received.sender, alice.key());
  EXPECT_EQ(bob.member.certified_names(),
            (std::map<Bytes, std::string>{{alice.key(), "CN=alice"}, {bob.key(), "CN=bob"}}));
}

TEST_F(CertifiedGroup, RefusesToInviteWhoHasNoneOrAnotherOrOneThatHasExpired) {
  create();
  EXPECT_EQ(reject_of([&] { alice.add(carol); }), Reject::certificate_missing);
  carol.certify(rogue, "carol");
  EXPECT_EQ(reject_of([&] { alice.add(carol); }), Reject::certificate_untrusted);
  carol.identity = carol.identity.with_certificates(bob.identity.certificates());
  EXPECT_EQ(reject_of([&] { alice.add(carol); }), Reject::certificate_wrong_key);
  carol.identity = carol.identity.with_certificates(
      {ca.issue({.name = "carol", .not_after = UnixTime{now.seconds - 1}}, SignatureScheme::ed25519,
                carol.identity.key_pair())});
  EXPECT_EQ(reject_of([&] { alice.add(carol); }), Reject::certificate_expired);
  carol.certify(ca, "carol");
  EXPECT_NO_THROW(alice.add(carol));
}

TEST_F(CertifiedGroup, RefusesACommitThatAddsWhoHasNone) {
  create_with_bob();
  bob.member.require_certificates({ca.certificate(), rogue.certificate()});  // is too trusting
  carol.certify(rogue, "carol");
  const OwnCommit added = bob.add(carol);
  EXPECT_EQ(reject_of([&] { alice.member.receive_message(added.message, now); }),
            Reject::certificate_untrusted);
}

TEST_F(CertifiedGroup, RefusesToJoinWhereAMemberHasNone) {
  alice.member.create_group("staff", now);
  alice.add(carol);
  bob.member.join_group(alice.add(bob).welcome);
  bob.member.require_certificates(trusted);
  const std::optional<Uncertified> found = bob.member.uncertified(now);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->identity_key, carol.key());
  EXPECT_NE(found->why.find("this one has none"), std::string::npos);
}

TEST_F(CertifiedGroup, CertificatesAreJudgedAtTheTimeOfJoiningAndNotAgain) {
  create_with_bob();
  EXPECT_EQ(bob.member.uncertified(too_late)->identity_key, alice.key());
  EXPECT_NO_THROW(bob.member.receive_message(alice.commit({}).message, too_late));
}

TEST_F(CertifiedGroup, AMemberShowsANewCertificateWithTheNextCommit) {
  create_with_bob();
  alice.certify(ca, "alice jones");
  bob.member.receive_message(alice.commit({}).message, now);
  EXPECT_EQ(bob.member.certified_names().at(alice.key()), "CN=alice jones");
  // And not one that the group would refuse.
  alice.certify(rogue, "alice the great");
  bob.member.receive_message(alice.commit({}).message, now);
  EXPECT_EQ(bob.member.certified_names().at(alice.key()), "CN=alice jones");
}

TEST_F(CertifiedGroup, ACommitIsFollowedThoughTheCertificateThatItBringsHasExpiredSinceOrIsTooNew) {
  create_with_bob();
  bob.member.receive_message(alice.commit({}).message, now);
  const UnixTime early{now.seconds - 10 * 365 * 86'400};
  carol.certify(ca, "carol");
  bob.member.receive_message(alice.add(carol).message, too_late);
  alice.certify(ca, "alice jones");
  bob.member.receive_message(alice.commit({}).message, early);
  EXPECT_EQ(bob.member.members().size(), 3U);
  EXPECT_TRUE(bob.member.uncertified(too_late).has_value());
  EXPECT_FALSE(bob.member.uncertified(std::nullopt).has_value());
}

TEST_F(CertifiedGroup, OfOurselvesItJudgesWhatTheNextCommitShows) {
  alice.member.create_group("staff", now);
  carol.member.join_group(alice.add(carol).welcome);
  carol.member.require_certificates(trusted);
  EXPECT_EQ(carol.member.uncertified(now)->identity_key, carol.key());
  carol.certify(ca, "carol");
  EXPECT_FALSE(carol.member.uncertified(now).has_value());
  alice.member.receive_message(carol.commit({}).message, now);
  EXPECT_EQ(alice.member.certified_names().at(carol.key()), "CN=carol");
}

TEST_F(CertifiedGroup, ShowsNoCertificateWhereAMemberCouldNotReadIt) {
  const mls::Suite& suite = mls::suite_of(cipher_suite(default_suite));
  mls::LeafNode old_leaf = leaf_template(carol.identity, now);
  old_leaf.capabilities.credentials = {mls::CredentialType::basic};
  const mls::KeyPackage old =
      mls::new_key_package(suite, old_leaf, carol.identity.key_pair(), random, {}).key_package;
  Person dave{random};
  dave.member.create_group("friends", now);
  dave.commit({.add = {mls::to_message(old)}});
  dave.certify(ca, "dave");
  EXPECT_TRUE(dave.member.shows_own_credential(now));
  EXPECT_NO_THROW(dave.commit({}));
  // Until they are out.
  dave.commit({.remove = {carol.key()}});
  EXPECT_FALSE(dave.member.shows_own_credential(now));
}

TEST_F(CertifiedGroup, WhereNobodyAsksACertificateIsCarriedAndAKeyWillDo) {
  carol.member.create_group("friends", now);
  bob.identity = bob.identity.with_certificates({Bytes{1, 2, 3}});  // nobody looks at it
  bob.member.join_group(carol.add(bob).welcome);
  EXPECT_EQ(bob.member.members(), (std::vector<Bytes>{carol.key(), bob.key()}));
  EXPECT_TRUE(carol.member.certified_names().empty());
  // One who had a key alone may show a certificate later.
  carol.certify(ca, "carol");
  bob.member.receive_message(carol.commit({}).message, now);
  EXPECT_EQ(bob.member.certified_names().at(carol.key()), "CN=carol");
}

}  // namespace
}  // namespace qnpc::group
