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

// What a server would not take is not begun: in force, the commit would have made members of people
// whom no Welcome can reach.
TEST_F(MessengerCertificates, ACommitOrWelcomeThatNoServerTakesIsNotMade) {
  std::string many_names = "DNS:a.example";
  for (int i = 0; i < 900; ++i) many_names += ",DNS:" + std::to_string(10'000 + i) + ".example";
  auto issuer = std::make_unique<crypto::TestCa>("A", SignatureScheme::ed25519, random_);
  std::vector<Bytes> chain;
  for (const char* name : {"B", "C", "D"}) {
    crypto::TestCertificate large = crypto::test_ca_certificate(name);
    large.alternative_names = many_names;
    issuer = std::make_unique<crypto::TestCa>(*issuer, large, SignatureScheme::ed25519, random_);
    chain.insert(chain.begin(), issuer->certificate());
  }
  std::vector<std::unique_ptr<Person>> people;
  std::vector<Person*> all;
  while (people.size() < 76) {
    people.push_back(std::make_unique<Person>(random_, server_));
    all.push_back(people.back().get());
    chain.insert(chain.begin(), issuer->issue({.name = "x", .alternative_names = many_names},
                                              SignatureScheme::ed25519,
                                              all.back()->messenger.identity().key_pair()));
    all.back()->messenger.certify(chain);
    chain.erase(chain.begin());
  }
  const std::vector<Person*> some(all.begin(), all.begin() + 40);
  const std::vector<Person*> others(all.begin() + 40, all.end());
  alice_.messenger.create_group("friends");
  auto expect_given_up = [&](size_t members) {
    const std::vector<std::string> notes = alice_.messenger.take_notes();
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_NE(notes[0].find("servers take 4194304"), std::string::npos) << notes[0];
    EXPECT_EQ(alice_.messenger.members(alice_.group()).size(), members);
    EXPECT_TRUE(waiting_at_alice().empty());
    EXPECT_TRUE(alice_.state->intents.of(alice_.group().ref).empty());
  };
  alice_.invite(all);  // the commit
  expect_given_up(1);
  alice_.invite(some);
  EXPECT_EQ(alice_.messenger.members(alice_.group()).size(), 41U);
  alice_.invite(others);  // the Welcome, which has the tree
  expect_given_up(41);
  alice_.say("hello");
  all.front()->sync();
  EXPECT_EQ(all.front()->history(), "joined received:hello");
}

}  // namespace
}  // namespace qnpc::client::test
