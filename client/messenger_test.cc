#include "client/messenger.h"

#include <gtest/gtest.h>

#include "client/limits.h"
#include "client/messenger_test_support.h"

namespace qnpc::client {
namespace {

using test::MessengerTest;
using test::Person;

TEST_F(MessengerTest, Conversation) {
  share_a_group({&bob_});
  alice_.say("hello");
  bob_.say("hi");
  alice_.sync();
  EXPECT_EQ(alice_.history(), "joined added sent:hello received:hi");
  EXPECT_EQ(bob_.history(), "joined received:hello sent:hi");
  EXPECT_EQ(bob_.group().alias, "friends");
}

TEST_F(MessengerTest, OneCommitAndOneWelcomeForAllThatAreInvited) {
  share_a_group({&bob_, &carol_});
  EXPECT_EQ(server_.only_log().entries.size(), 1u);
  EXPECT_EQ(server_.post[bob_.key()][0].payload, server_.post[carol_.key()][0].payload);
  carol_.say("all three");
  alice_.sync();
  bob_.sync();
  EXPECT_EQ(alice_.conversation(), bob_.conversation());
  EXPECT_EQ(alice_.authenticator(), carol_.authenticator());
}

TEST_F(MessengerTest, SurvivesForgettingEverythingButTheDisk) {
  share_a_group({&bob_});
  for (const char* text : {"one", "two", "three"}) {
    alice_.messenger.forget_loaded();
    alice_.say(text);
    bob_.messenger.forget_loaded();
    bob_.sync();
  }
  EXPECT_EQ(bob_.history(), "joined received:one received:two received:three");
}

TEST_F(MessengerTest, AllHaveTheOrderOfTheLog) {
  share_a_group({&bob_, &carol_});
  alice_.say_blindly("a");
  bob_.say_blindly("b");
  carol_.say("c");
  bob_.sync();
  alice_.sync();
  for (Person* person : {&alice_, &bob_, &carol_}) {
    person->sync();
    EXPECT_EQ(person->conversation(), "c b a ");
  }
}

TEST_F(MessengerTest, WhoLosesAnEpochTriesTheNextOne) {
  share_a_group({&bob_});
  Person dave(random_, server_), erin(random_, server_);
  Intent by_alice, by_bob;
  by_alice.add = {dave.key_package()};
  by_bob.add = {erin.key_package()};
  alice_.messenger.want(alice_.group(), by_alice);
  bob_.messenger.want(bob_.group(), by_bob);
  // Both have made their commits of the same epoch before either is appended.
  alice_.messenger.prepare_commit(alice_.group().ref, false);
  bob_.messenger.prepare_commit(bob_.group().ref, false);
  bob_.sync();
  alice_.sync();
  for (Person* person : {&alice_, &bob_, &dave, &erin}) {
    person->sync();
    EXPECT_EQ(person->messenger.members(person->group()).size(), 4u);
    EXPECT_EQ(person->authenticator(), alice_.authenticator());
  }
  EXPECT_EQ(alice_.history(), "joined added added added");
}

TEST_F(MessengerTest, AnIntentThatAnotherHasFulfilledIsDropped) {
  share_a_group({&bob_, &carol_});
  Intent removal;
  removal.remove = {carol_.key()};
  for (Person* person : {&alice_, &bob_}) {
    person->messenger.want(person->group(), removal);
    person->messenger.prepare_commit(person->group().ref, false);
  }
  bob_.sync();
  alice_.sync();
  EXPECT_EQ(server_.only_log().entries.size(), 2u);
  EXPECT_TRUE(alice_.state->intents.of(alice_.group().ref).empty());
  EXPECT_EQ(alice_.authenticator(), bob_.authenticator());
  carol_.sync();
  EXPECT_EQ(carol_.history(), "joined removed");
  EXPECT_FALSE(carol_.messenger.in_group(carol_.group().ref));
  EXPECT_THROW(carol_.say_blindly("let me in"), Error);
}

TEST_F(MessengerTest, AMessageTooLateForItsEpochIsEncryptedAnew) {
  share_a_group({&bob_, &carol_});
  bob_.say_blindly("late");
  for (int i = 0; i < 3; ++i) alice_.want({});
  bob_.sync();
  for (Person* person : {&alice_, &carol_}) person->sync();
  EXPECT_EQ(alice_.conversation(), "late ");
  EXPECT_EQ(carol_.conversation(), "late ");
  EXPECT_EQ(bob_.conversation(), "late ");
}

TEST_F(MessengerTest, WhoLeavesIsTakenOutByTheFirstOfTheOthers) {
  share_a_group({&bob_, &carol_});
  carol_.leave();
  EXPECT_THROW(carol_.say_blindly("still here?"), Error);
  bob_.sync();  // second in leaf order: waits
  EXPECT_EQ(bob_.messenger.members(bob_.group()).size(), 3u);
  alice_.sync();
  bob_.sync();
  carol_.sync();
  EXPECT_EQ(bob_.history(), "joined leaving removed");
  EXPECT_EQ(carol_.history(), "joined leaving removed");
  EXPECT_EQ(bob_.messenger.members(bob_.group()).size(), 2u);
}

TEST_F(MessengerTest, WhoLeavesIsTakenOutThoughTheFirstIsAway) {
  share_a_group({&bob_, &carol_});
  carol_.leave();
  bob_.sync();
  bob_.time_ms += static_cast<uint64_t>(std::chrono::milliseconds(limits::leave_turn).count());
  bob_.sync();
  EXPECT_EQ(bob_.messenger.members(bob_.group()).size(), 2u);
}

TEST_F(MessengerTest, WhoSpeaksTakesOutFirstWhoLeaves) {
  share_a_group({&bob_, &carol_});
  carol_.leave();
  bob_.say("goodbye");
  alice_.sync();
  EXPECT_EQ(alice_.conversation(), "goodbye ");
  EXPECT_EQ(alice_.messenger.members(alice_.group()).size(), 2u);
}

TEST_F(MessengerTest, ALateMessageWaitsForWhoLeaves) {
  share_a_group({&bob_, &carol_});
  bob_.say_blindly("late");
  for (int i = 0; i < 3; ++i) alice_.want({});
  carol_.sync();
  carol_.leave();
  bob_.sync();
  alice_.sync();
  EXPECT_EQ(alice_.conversation(), "late ");
  EXPECT_EQ(alice_.messenger.members(alice_.group()).size(), 2u);
}

TEST_F(MessengerTest, ARequestToLeaveThatLostItsEpochIsRepeated) {
  share_a_group({&bob_, &carol_});
  Intent leaving;
  leaving.leave = true;
  carol_.messenger.want(carol_.group(), leaving);
  carol_.messenger.prepare_commit(carol_.group().ref, false);
  alice_.want({});
  alice_.want({});
  carol_.sync();
  alice_.sync();
  carol_.sync();
  EXPECT_FALSE(carol_.messenger.in_group(carol_.group().ref));
}

TEST_F(MessengerTest, AllMayLeave) {
  share_a_group({&bob_});
  Intent leaving;
  leaving.leave = true;
  bob_.messenger.want(bob_.group(), leaving);
  bob_.messenger.prepare_commit(bob_.group().ref, false);
  alice_.leave();
  bob_.sync();
  alice_.sync();
  bob_.sync();
  alice_.sync();
  EXPECT_FALSE(bob_.messenger.in_group(bob_.group().ref));
  EXPECT_EQ(alice_.messenger.members(alice_.group()).size(), 1u);
}

TEST_F(MessengerTest, ALateMessageDoesNotHoldUpARequestToLeave) {
  share_a_group({&bob_, &carol_});
  carol_.say_blindly("late");
  for (int i = 0; i < 3; ++i) alice_.want({});
  Intent leaving;
  leaving.leave = true;
  carol_.messenger.want(carol_.group(), leaving);
  carol_.sync();
  alice_.sync();
  carol_.sync();
  EXPECT_FALSE(carol_.messenger.in_group(carol_.group().ref));
}

TEST_F(MessengerTest, LateMessagesKeepTheirOrder) {
  share_a_group({&bob_});
  alice_.say_blindly("one");
  for (int i = 0; i < 3; ++i) bob_.want({});
  alice_.messenger.receive(
      alice_.group().ref,
      server_.read_log(alice_.messenger.log_id(alice_.group().ref),
                       alice_.messenger.append_token(alice_.group().ref), alice_.group().cursor));
  alice_.say_blindly("two");
  alice_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "one two ");
}

TEST_F(MessengerTest, KeysAreMadeNewAfterATimeAndAfterManyMessages) {
  share_a_group({&bob_});
  RefreshPolicy policy{.after = std::chrono::hours(1), .messages = 2};
  alice_.messenger.set_refresh_policy(policy);
  alice_.sync();
  EXPECT_EQ(server_.only_log().entries.size(), 1u);
  alice_.time_ms += 3'600'000;
  alice_.sync();
  EXPECT_EQ(server_.only_log().entries.size(), 2u);
  alice_.say("one");
  alice_.say("two");
  EXPECT_EQ(server_.only_log().entries.size(), 5u);
  alice_.sync();
  EXPECT_EQ(server_.only_log().entries.size(), 5u);
  bob_.sync();
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerTest, WhoWasAwayCatchesUpThroughManyEpochsInPages) {
  share_a_group({&bob_, &carol_});
  server_.page_entries = 7;
  std::string all;
  for (int i = 0; i < 60; ++i) {
    Person& speaker = i % 2 == 0 ? alice_ : bob_;
    speaker.say(std::to_string(i));
    speaker.want({});
    all += std::to_string(i) + " ";
  }
  carol_.sync();
  alice_.sync();
  EXPECT_EQ(carol_.conversation(), all);
  EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerTest, AChangeThatBreaksARuleLeavesNothing) {
  share_a_group({&bob_});
  Intent intent;
  intent.add = {carol_.key_package()};
  intent.add[0].back() ^= 1;
  alice_.want(intent);
  EXPECT_EQ(alice_.messenger.take_notes().size(), 1u);
  EXPECT_EQ(server_.only_log().entries.size(), 1u);
  EXPECT_TRUE(alice_.state->intents.of(alice_.group().ref).empty());
  alice_.say("still here");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:still here");
}

TEST_F(MessengerTest, WhoWasRemovedMayBeInvitedAgain) {
  share_a_group({&bob_, &carol_});
  alice_.remove(bob_);
  bob_.sync();
  alice_.say("unheard");
  alice_.invite({&bob_});
  bob_.sync();
  EXPECT_FALSE(bob_.group().accepted);
  alice_.say("welcome back");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed joined received:welcome back");
  EXPECT_EQ(bob_.state->groups.list().size(), 1u);
}

TEST_F(MessengerTest, ANameForEverybodyIsHeardAndOnesOwnIsKept) {
  share_a_group({&bob_});
  Intent intent;
  intent.name = to_bytes(std::string_view("old friends"));
  alice_.want(intent);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined renamed");
  EXPECT_EQ(bob_.group().alias, "friends");
  carol_.key_package();
  alice_.invite({&carol_});
  carol_.sync();
  EXPECT_EQ(carol_.group().alias, "old friends");
}

TEST_F(MessengerTest, GroupsAreOfEitherSuite) {
  EXPECT_EQ(group::default_suite, group::Suite::xwing);
  share_a_group({&bob_});
  EXPECT_EQ(bob_.messenger.suite(bob_.group().ref), group::Suite::xwing);
  carol_.messenger.create_group("classic", group::Suite::x25519);
  Intent invitation;
  invitation.add = bob_.messenger.key_packages().unpublished(group::Suite::x25519, 1);
  carol_.want(invitation);
  bob_.sync();
  const Group classic = bob_.state->groups.list().at(1);
  EXPECT_EQ(bob_.messenger.suite(classic.ref), group::Suite::x25519);
  EXPECT_EQ(bob_.messenger.epoch_authenticator(classic), carol_.authenticator());
}

TEST_F(MessengerTest, GroupsHaveNamesThatCanBeTyped) {
  for (const char* name : {"", "two\nlines", "\x1b[2J", "\xff", "tab\there"}) {
    EXPECT_THROW(alice_.messenger.create_group(name), Error) << name;
  }
  EXPECT_THROW(alice_.messenger.create_group(std::string(limits::alias_bytes + 1, 'x')), Error);
  alice_.messenger.create_group("größte Gruppe");
  EXPECT_THROW(alice_.messenger.create_group("größte Gruppe"), Error);
}

TEST_F(MessengerTest, AnInvitationUnderATakenNameGetsASuffix) {
  bob_.messenger.create_group("friends");
  alice_.messenger.create_group("friends");
  alice_.invite({&bob_});
  bob_.sync();
  EXPECT_EQ(bob_.state->groups.list().at(1).alias, "friends-2");
}

}  // namespace
}  // namespace qnpc::client
