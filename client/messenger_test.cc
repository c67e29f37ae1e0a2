#include "client/messenger.h"

#include <gtest/gtest.h>

#include "client/delivery.h"
#include "client/fake_server.h"
#include "client/limits.h"
#include "qnpc/crypto/system_random.h"

namespace qnpc::client {
namespace {

using Kind = HistoryEntry::Kind;

// A person with a state in memory. Their clock is their own.
class Person {
 public:
  Person(Random& random, FakeServer& server)
      : state(State::in_memory(random)), messenger(*state, random, clock_), server_(server) {}

  Bytes key() const { return to_bytes(messenger.identity_key()); }
  Bytes key_package() {
    Bytes package = messenger.unpublished_key_package();
    messenger.key_package_published();
    return package;
  }
  Group group() { return state->groups.list().at(0); }

  /// What every command does before and after its own.
  void sync(bool speaking = false) {
    read_inbox(messenger, *state, server_);
    for (const Group& group : state->groups.list()) {
      refused = synchronise_log(messenger, *state, server_, group.ref, speaking);
    }
    deliver_outbox(*state, server_);
  }
  void want(Intent intent) {
    messenger.want(group(), std::move(intent));
    sync();
  }
  void invite(std::vector<Person*> people) {
    Intent intent;
    for (Person* person : people) intent.add.push_back(person->key_package());
    want(std::move(intent));
  }
  void remove(const Person& person) {
    Intent intent;
    intent.remove = {person.key()};
    want(std::move(intent));
  }
  void leave() {
    Intent intent;
    intent.leave = true;
    want(std::move(intent));
  }
  void rejoin() {
    messenger.rejoin(group());
    sync();
  }
  /// Without looking at the log first, as who is a moment too late.
  void say_blindly(const std::string& text) { messenger.send(group(), text); }
  void say(const std::string& text) {
    sync(true);
    say_blindly(text);
    sync();
  }
  Bytes authenticator() { return messenger.epoch_authenticator(group()); }

  /// The history in one line: "sent:text received:text added unreadable".
  std::string history() {
    static constexpr const char* names[] = {"",        "sent",   "received",   "added",
                                            "removed", "joined", "unreadable", "renamed",
                                            "leaving", "gap"};
    std::string out;
    state->history.each(false, std::nullopt, [&](const HistoryEntry& entry) {
      out += (out.empty() ? "" : " ") + std::string(names[static_cast<size_t>(entry.kind)]);
      if (entry.kind == Kind::sent || entry.kind == Kind::received) {
        out += ":" + decode_content(entry.content.reveal()).text;
      }
    });
    return out;
  }
  /// What was said, whoever did.
  std::string conversation() {
    std::string out;
    state->history.each(false, std::nullopt, [&](const HistoryEntry& entry) {
      if (entry.kind != Kind::sent && entry.kind != Kind::received) return;
      out += decode_content(entry.content.reveal()).text + " ";
    });
    return out;
  }

  uint64_t time_ms = 1'800'000'000'000;
  std::unique_ptr<State> state;
  Messenger messenger;
  std::optional<ServerError> refused;

 private:
  const Clock clock_ = [this] { return time_ms; };
  FakeServer& server_;
};

class MessengerTest : public testing::Test {
 protected:
  ~MessengerTest() noexcept override = default;

  void share_a_group(std::vector<Person*> others) {
    alice_.messenger.create_group("friends");
    alice_.invite(others);
    for (Person* person : others) {
      person->sync();
      person->messenger.accept(person->group(), "");
    }
  }

  std::vector<Append> waiting_at_alice() { return alice_.state->appends.of(alice_.group().ref); }

  crypto::SystemRandom random_;
  FakeServer server_;
  Person alice_{random_, server_}, bob_{random_, server_}, carol_{random_, server_};
};

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
  EXPECT_EQ(server_.inboxes[bob_.key()][0].payload, server_.inboxes[carol_.key()][0].payload);
  carol_.say("all three");
  alice_.sync();
  bob_.sync();
  EXPECT_EQ(alice_.conversation(), bob_.conversation());
  EXPECT_EQ(alice_.authenticator(), carol_.authenticator());
}

TEST_F(MessengerTest, SurvivesForgettingEverythingButTheDisk) {
  share_a_group({&bob_});
  for (const char* text : {"one", "two", "three"}) {
    alice_.messenger.forget_groups();
    alice_.say(text);
    bob_.messenger.forget_groups();
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

TEST_F(MessengerTest, ALostAnswerNeitherRepeatsNorLoses) {
  share_a_group({&bob_});
  server_.loses_answers = true;
  EXPECT_THROW(alice_.say("once"), ServerError);
  EXPECT_THROW(alice_.invite({&carol_}), ServerError);
  server_.loses_answers = false;
  alice_.messenger.forget_groups();
  for (Person* person : {&alice_, &bob_, &carol_}) person->sync();
  EXPECT_EQ(alice_.history(), "joined added sent:once added");
  EXPECT_EQ(bob_.history(), "joined received:once added");
  EXPECT_EQ(carol_.history(), "joined");
}

TEST_F(MessengerTest, ARefusedMessageWaitsAndGoesOutLater) {
  share_a_group({&bob_});
  server_.refusal = ServerError(Reason::quota, "full");
  alice_.say("patience");
  EXPECT_EQ(alice_.refused->reason(), Reason::quota);
  server_.refusal.reset();
  alice_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:patience");
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

TEST_F(MessengerTest, WhatCannotBeReadIsNotedAndStopsNothing) {
  share_a_group({&bob_});
  alice_.say("altered");
  server_.only_log().entries.back().payload.back() ^= 1;
  alice_.say("whole");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined unreadable received:whole");
}

TEST_F(MessengerTest, AnInventedCommitIsNotedWithItsPlace) {
  share_a_group({&bob_});
  server_.only_log().entries.push_back({1000, 1, true, to_bytes(std::string_view("invented"))});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined unreadable");
  EXPECT_NE(bob_.messenger.epoch(bob_.group().ref), 2u);
}

TEST_F(MessengerTest, AServerThatNumbersBackwardsIsRefused) {
  share_a_group({&bob_});
  alice_.say("one");
  alice_.say("two");
  std::swap(server_.only_log().entries[1].sequence, server_.only_log().entries[2].sequence);
  bob_.sync();
  EXPECT_EQ(bob_.refused->reason(), Reason::malformed);
  EXPECT_EQ(bob_.history(), "joined");
}

TEST_F(MessengerTest, AServerThatAcceptsAndHidesIsNamed) {
  share_a_group({&bob_});
  alice_.say_blindly("where is it?");
  Append append = std::move(waiting_at_alice().at(0));
  server_.append(alice_.messenger.log_id(alice_.group().ref), append);
  server_.only_log().entries.pop_back();
  alice_.sync();
  EXPECT_EQ(alice_.refused->reason(), Reason::rejected);
  EXPECT_EQ(waiting_at_alice().size(), 1u);  // it is kept
}

TEST_F(MessengerTest, AReplayedEntryIsShownAsWhatItIs) {
  share_a_group({&bob_});
  alice_.say("once");
  LogEntry again = server_.only_log().entries.back();
  again.sequence += 10;
  server_.only_log().entries.push_back(again);
  bob_.sync();
  alice_.sync();
  EXPECT_EQ(bob_.history(), "joined received:once unreadable");
  EXPECT_EQ(alice_.history(), "joined added sent:once unreadable");
}

TEST_F(MessengerTest, WhatExpiredIsAGapInTheHistory) {
  share_a_group({&bob_});
  alice_.say("gone");
  alice_.say("there");
  server_.only_log().expired_through = server_.only_log().entries[1].sequence;
  server_.only_log().entries.erase(server_.only_log().entries.begin() + 1);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap received:there");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap received:there");
}

TEST_F(MessengerTest, WhoWasAwayTooLongComesBack) {
  share_a_group({&bob_, &carol_});
  carol_.sync();
  for (int i = 0; i < 3; ++i) alice_.want({});
  bob_.say("unheard");
  FakeServer::Log& log = server_.only_log();
  log.expired_through = log.entries[2].sequence;
  log.entries.erase(log.entries.begin(), log.entries.begin() + 3);
  carol_.sync();
  carol_.sync();
  EXPECT_EQ(carol_.history(), "joined gap gap");  // once for what expired, once for what follows
  carol_.rejoin();
  alice_.sync();
  bob_.sync();  // was asked too, and comes second
  carol_.sync();
  EXPECT_TRUE(carol_.group().accepted);
  bob_.say("there you are");
  carol_.say("here I am");
  for (Person* person : {&alice_, &bob_}) person->sync();
  EXPECT_EQ(carol_.history(), "joined gap gap joined received:there you are sent:here I am");
  EXPECT_EQ(alice_.authenticator(), carol_.authenticator());
  EXPECT_TRUE(bob_.state->intents.of(bob_.group().ref).empty());
  EXPECT_EQ(alice_.messenger.members(alice_.group()).size(), 3u);
}

TEST_F(MessengerTest, WhoseEpochTheServerHasForgottenIsToldSo) {
  share_a_group({&bob_});
  alice_.want({});
  server_.only_log().epochs.erase(1);
  bob_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap");
  EXPECT_TRUE(bob_.group().is_behind);
  bob_.rejoin();
  alice_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerTest, OnlyAMemberComesBack) {
  share_a_group({&bob_, &carol_});
  Bytes request;
  carol_.messenger.rejoin(carol_.group());
  int64_t waiting = carol_.state->outbox.waiting().at(0);
  request = to_bytes(carol_.state->outbox.payload(waiting).reveal());
  alice_.remove(carol_);
  server_.enqueue(request, {{1, alice_.key(), {7}}});
  alice_.sync();
  EXPECT_EQ(alice_.history(), "joined added removed unreadable");
  EXPECT_EQ(alice_.messenger.members(alice_.group()).size(), 2u);
}

TEST_F(MessengerTest, AnInvitationToAGroupThatWeAreInIsRefused) {
  share_a_group({&bob_, &carol_});
  Intent intent;  // as if Bob had asked for it
  intent.add = {bob_.key_package()};
  intent.remove = {bob_.key()};
  alice_.want(intent);
  read_inbox(bob_.messenger, *bob_.state, server_);
  EXPECT_EQ(bob_.history(), "joined unreadable");
}

TEST_F(MessengerTest, AChangeThatBreaksARuleLeavesNothing) {
  share_a_group({&bob_});
  Intent intent;
  intent.add = {carol_.key_package()};
  intent.add[0].back() ^= 1;
  EXPECT_THROW(alice_.want(intent), Error);
  EXPECT_TRUE(alice_.state->intents.of(alice_.group().ref).empty());
  alice_.say("still here");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:still here");
}

TEST_F(MessengerTest, TheInboxHoldsOnlyInvitations) {
  share_a_group({&bob_});
  server_.enqueue(as_view("no message of anybody"), {{1, bob_.key(), {1}}});
  server_.enqueue({}, {{2, bob_.key(), {2}}});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined unreadable unreadable");
}

TEST_F(MessengerTest, AnInvitationThatComesTwiceIsTakenOnce) {
  share_a_group({&bob_});
  InboxEntry again = server_.inboxes[bob_.key()].front();
  again.sequence += 100;
  server_.inboxes[bob_.key()].push_back(again);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined");
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

TEST_F(MessengerTest, TheSameKeyPackageUntilItIsPublished) {
  Bytes package = alice_.messenger.unpublished_key_package();
  EXPECT_EQ(alice_.messenger.unpublished_key_package(), package);
  alice_.messenger.key_package_published();
  EXPECT_NE(alice_.messenger.unpublished_key_package(), package);
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
