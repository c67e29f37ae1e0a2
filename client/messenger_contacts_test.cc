// What groups have to do with contacts: keys that change.
#include "client/messenger_test_support.h"
#include "tests/support/reason_of.h"

namespace qnpc::client::test {
namespace {

class MessengerContacts : public MessengerTest {
 protected:
  Contact add(const std::string& name, const Person& person, bool verified) {
    Contact contact{.name = name, .key = person.key(), .verified = verified};
    alice_.state->contacts.add(contact);
    return contact;
  }
  Contact bob() { return alice_.state->contacts.with_name("bob").value(); }
  std::optional<Reason> refusal() {
    return qnpc::test::reason_of([&] { alice_.say_blindly("hello"); });
  }
  std::string last_entry() {
    const std::string history = alice_.history();
    return history.substr(history.rfind(' ') + 1);
  }

  Person new_bob_{random_, server_};
};

TEST_F(MessengerContacts, AVerifiedKeyThatChangesIsShownAndKeepsUsFromSendingUntilItIsSettled) {
  share_a_group({&bob_});
  alice_.messenger.replace_key(add("bob", bob_, true), new_bob_.key());
  EXPECT_EQ(last_entry(), "key_changed");
  EXPECT_EQ(refusal(), Reason::conflict);
  EXPECT_FALSE(bob().verified);
  alice_.messenger.settle_key(bob(), false);
  EXPECT_EQ(refusal(), std::nullopt);
  EXPECT_EQ(bob().former, std::vector<Bytes>{bob_.key()});
}

TEST_F(MessengerContacts, WhatWaitsWhenAKeyChangesWaitsUntilThatIsSettled) {
  share_a_group({&bob_});
  const Contact contact = add("bob", bob_, true);
  alice_.say_blindly("for bob");
  alice_.messenger.replace_key(contact, new_bob_.key());
  alice_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "");
  const std::vector<std::string> notes = alice_.messenger.take_notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("nothing was sent to friends"), std::string::npos);
  // Changes of the group do not wait.
  alice_.invite({&carol_});
  EXPECT_EQ(alice_.messenger.members(alice_.group()).size(), 3U);
  alice_.messenger.settle_key(bob(), true);
  alice_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "for bob ");
}

TEST_F(MessengerContacts, SettledByVerifyingTheNewKeyItIsVerified) {
  share_a_group({&bob_});
  alice_.messenger.replace_key(add("bob", bob_, true), new_bob_.key());
  alice_.messenger.settle_key(bob(), true);
  EXPECT_TRUE(bob().verified);
  EXPECT_EQ(refusal(), std::nullopt);
}

TEST_F(MessengerContacts, AKeyThatWasNotVerifiedMayChange) {
  share_a_group({&bob_});
  alice_.messenger.replace_key(add("bob", bob_, false), new_bob_.key());
  EXPECT_EQ(last_entry(), "added");
  EXPECT_EQ(refusal(), std::nullopt);
}

TEST_F(MessengerContacts, AGroupWithNeitherKeyIsNotConcerned) {
  share_a_group({&carol_});
  alice_.messenger.replace_key(add("bob", bob_, true), new_bob_.key());
  EXPECT_EQ(last_entry(), "added");
  EXPECT_EQ(refusal(), std::nullopt);
  // Until the new key comes.
  alice_.invite({&new_bob_});
  EXPECT_NE(alice_.history().find("key_changed"), std::string::npos);
  EXPECT_EQ(refusal(), Reason::conflict);
}

TEST_F(MessengerContacts, WhoIsInvitedToAGroupWithTheNewKeyIsTold) {
  Contact contact{.name = "bob", .key = bob_.key(), .verified = true};
  carol_.state->contacts.add(contact);
  carol_.messenger.replace_key(contact, new_bob_.key());
  share_a_group({&new_bob_, &carol_});
  EXPECT_EQ(carol_.history(), "joined key_changed");
}

TEST_F(MessengerContacts, ASecondChangeForgetsNoFormerKeyAndAKeyThatComesBackIsNoFormerOne) {
  alice_.messenger.replace_key(add("bob", bob_, true), new_bob_.key());
  alice_.messenger.replace_key(bob(), carol_.key());
  EXPECT_TRUE(bob().changed);
  EXPECT_EQ(bob().former, (std::vector<Bytes>{bob_.key(), new_bob_.key()}));
  alice_.messenger.replace_key(bob(), bob_.key());
  EXPECT_EQ(bob().former, (std::vector<Bytes>{new_bob_.key(), carol_.key()}));
  EXPECT_EQ(bob().key, bob_.key());
}

TEST_F(MessengerContacts, WhoIsBlockedInvitesUsToNothing) {
  alice_.messenger.block(add("bob", bob_, false));
  bob_.messenger.create_group("trap");
  bob_.invite({&alice_});
  alice_.sync();
  EXPECT_TRUE(alice_.state->groups.list().empty());
  EXPECT_EQ(alice_.history(), "");
  alice_.messenger.unblock(bob());
  bob_.remove(alice_);
  bob_.invite({&alice_});
  alice_.sync();
  EXPECT_EQ(alice_.history(), "joined");
}

TEST_F(MessengerContacts, AGroupIsToldTheNewTokenUnlessWhoIsBlockedIsAMember) {
  share_a_group({&bob_});
  const uint64_t before = alice_.messenger.epoch(alice_.group().ref);
  alice_.messenger.block(add("bob", bob_, false));
  alice_.sync();
  alice_.messenger.block(add("carol", carol_, false));
  alice_.sync();
  EXPECT_EQ(alice_.messenger.epoch(alice_.group().ref), before);
  alice_.messenger.unblock(bob());
  alice_.sync();
  EXPECT_EQ(alice_.messenger.epoch(alice_.group().ref), before + 1);
  alice_.sync();
  EXPECT_EQ(alice_.messenger.epoch(alice_.group().ref), before + 1);
  // Who comes back to the group is taken in by whoever is there.
  alice_.messenger.block(bob());
  alice_.rejoin();
  bob_.sync();
  alice_.sync();
  EXPECT_EQ(alice_.authenticator(), bob_.authenticator());
}

TEST_F(MessengerContacts, WhoIsBlockedPutsNothingIntoTheHistoryByRequestsOfOtherGroups) {
  alice_.messenger.block(add("bob", bob_, false));
  bob_.messenger.create_group("others");
  bob_.invite({&carol_});
  bob_.rejoin();
  server_.inboxes[alice_.key()].push_back(server_.post[carol_.key()].back());
  alice_.sync();
  EXPECT_EQ(alice_.history(), "");
}

TEST_F(MessengerContacts, WhoSharesTheStateLearnsOfTheOtherToken) {
  const Clock clock = [&] { return alice_.time_ms; };
  Messenger follower(*alice_.state, random_, clock);
  alice_.messenger.block(add("bob", bob_, false));
  follower.forget_loaded();
  EXPECT_EQ(to_bytes(follower.identity().inbox_token().reveal()),
            to_bytes(alice_.state->inbox_token().reveal()));
}

TEST_F(MessengerContacts, NobodyIsToldTheNewTokenBeforeTheServerHasIt) {
  share_a_group({&bob_});
  alice_.messenger.block(add("carol", carol_, false));
  alice_.messenger.prepare_commit(alice_.group().ref, false);
  EXPECT_TRUE(waiting_at_alice().empty());
  EXPECT_TRUE(alice_.state->inbox_token_waits());
  alice_.messenger.inbox_token_is_set();
  EXPECT_FALSE(alice_.state->inbox_token_waits());
  EXPECT_TRUE(alice_.messenger.key_packages().is_stock_old(group::default_suite));
  alice_.messenger.prepare_commit(alice_.group().ref, false);
  EXPECT_EQ(waiting_at_alice().size(), 1U);
}

TEST_F(MessengerContacts, AGroupThatWasNotAcceptedIsToldNothing) {
  bob_.messenger.create_group("trap");
  bob_.invite({&alice_});
  alice_.sync();
  alice_.messenger.block(add("carol", carol_, false));
  alice_.sync();
  EXPECT_EQ(alice_.history(), "joined");
  const uint64_t before = alice_.messenger.epoch(alice_.group().ref);
  alice_.time_ms += 30 * 86'400'000ULL;
  alice_.sync();
  EXPECT_EQ(alice_.messenger.epoch(alice_.group().ref), before);
  alice_.messenger.accept(alice_.group(), "");
  alice_.sync();
  EXPECT_EQ(alice_.messenger.epoch(alice_.group().ref), before + 1);
}

TEST_F(MessengerContacts, WhoIsBlockedIsNotTakenInAgain) {
  share_a_group({&bob_});
  const uint64_t before = alice_.messenger.epoch(alice_.group().ref);
  alice_.messenger.block(add("bob", bob_, false));
  bob_.rejoin();
  alice_.sync();
  EXPECT_EQ(alice_.messenger.epoch(alice_.group().ref), before);
  EXPECT_EQ(last_entry(), "added");
}

}  // namespace
}  // namespace qnpc::client::test
