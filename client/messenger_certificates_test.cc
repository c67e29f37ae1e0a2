// Groups that ask for certificates: what is judged when, and names that two keys show.
#include "client/messenger_test_support.h"
#include "qnpc/crypto/x509_test_ca.h"
#include "tests/support/reason_of.h"

namespace qnpc::client::test {
namespace {

using crypto::SignatureScheme;

constexpr uint64_t too_late_ms = 1'950'000'000'000;  // behind the certificates' end

class MessengerCertificates : public MessengerTest {
 protected:
  void certify(Person& person, const std::string& name) {
    const group::Identity& identity = person.messenger.identity();
    person.messenger.certify(
        {ca_.issue({.name = name}, SignatureScheme::ed25519, identity.key_pair())});
  }
  void share_a_certified_group() {
    certify(alice_, "alice");
    certify(bob_, "bob");
    certify(carol_, "carol");
    alice_.messenger.create_group("staff", group::default_suite, trusted_);
    alice_.invite({&bob_, &carol_});
    for (Person* person : {&bob_, &carol_}) {
      person->sync();
      person->messenger.accept(person->group(), "", trusted_);
    }
  }
  void verify(const Person& person, const std::string& name) {
    Contact contact{.name = name, .key = person.key()};
    alice_.state->contacts.add(contact);
    alice_.messenger.settle_key(contact, true);
  }

  crypto::TestCa ca_{"Example CA", SignatureScheme::ed25519, random_};
  const std::vector<Bytes> trusted_{ca_.certificate()};
};

TEST_F(MessengerCertificates, WhoComesBackIsTakenInThoughACertificateHasExpiredMeanwhile) {
  share_a_certified_group();
  bob_.rejoin();
  alice_.sync();
  server_.only_log().epochs.erase(bob_.messenger.epoch(bob_.group().ref));  // he has no other way
  bob_.time_ms = too_late_ms;
  bob_.sync();
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
  EXPECT_TRUE(bob_.group().accepted);
}

TEST_F(MessengerCertificates, AnInvitationToAKnownGroupIsJudgedWhenItIsAcceptedAndNotUsedUp) {
  share_a_certified_group();
  alice_.remove(bob_);
  bob_.sync();
  alice_.invite({&bob_});
  bob_.time_ms = too_late_ms;
  bob_.sync();
  auto accept = [&] { bob_.messenger.accept(bob_.group(), ""); };
  EXPECT_FALSE(bob_.group().accepted);
  EXPECT_EQ(qnpc::test::reason_of(accept), Reason::rejected);
  EXPECT_TRUE(bob_.messenger.certified_names(bob_.group()).empty());
  bob_.time_ms = alice_.time_ms;
  accept();
  EXPECT_EQ(bob_.messenger.certified_names(bob_.group()).at(alice_.key()), "CN=alice");
}

TEST_F(MessengerCertificates, AMemberWhoTakesTheNameOfAVerifiedContactIsShown) {
  share_a_certified_group();
  alice_.sync();
  verify(bob_, "bob");
  EXPECT_NO_THROW(alice_.say("before"));
  certify(carol_, "bob");
  carol_.sync();
  alice_.sync();
  EXPECT_NE(alice_.history().find("key_changed"), std::string::npos);
  EXPECT_EQ(qnpc::test::reason_of([&] { alice_.say_blindly("after"); }), Reason::conflict);
  // Once it is settled, their commits change nothing.
  alice_.messenger.settle_key(alice_.state->contacts.with_name("bob").value(), true);
  EXPECT_EQ(alice_.messenger.take_notes().size(), 1U);
  carol_.want({});
  alice_.sync();
  EXPECT_NO_THROW(alice_.say_blindly("after"));
}

}  // namespace
}  // namespace qnpc::client::test
