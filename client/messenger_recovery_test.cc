// What goes wrong for a while, at a server or because somebody was away too long, is over when it
// is over: nobody stays locked out.
#include "client/messenger_test_support.h"

namespace qnpc::client::test {
namespace {

class MessengerRecovery : public MessengerTest {
 protected:
  /// All that the group's log holds.
  void expire_the_log() {
    FakeServer::Log& log = server_.only_log();
    log.expired_through = log.entries.back().sequence;
    log.entries.clear();
  }

  static std::vector<Append> waiting_at(Person& person) {
    return person.state->appends.of(person.group().ref);
  }
};

TEST_F(MessengerRecovery, WhoIsRemovedAndInvitedAgainBeyondTheRetentionIsIn) {
  for (bool token_is_known : {true, false}) {
    FakeServer server;
    Person alice(random_, server), bob(random_, server);
    alice.messenger.create_group("friends");
    alice.invite({&bob});
    bob.sync();
    bob.messenger.accept(bob.group(), "");
    bob.say_blindly("never sent");
    alice.remove(bob);
    alice.invite({&bob});
    FakeServer::Log& log = server.only_log();
    log.expired_through = log.entries.back().sequence;
    log.entries.clear();
    if (!token_is_known) log.epochs.erase(bob.messenger.epoch(bob.group().ref));
    bob.sync();
    EXPECT_FALSE(bob.group().accepted);  // it may be anybody's invitation
    EXPECT_NE(bob.history().find("unsent"), std::string::npos) << bob.history();
    bob.messenger.accept(bob.group(), "");
    EXPECT_EQ(bob.authenticator(), alice.authenticator());
    bob.say("here again");
    alice.sync();
    EXPECT_EQ(alice.conversation(), "here again ");
  }
}

TEST_F(MessengerRecovery, WhoAsksTwiceToComeBackComesBack) {
  share_a_group({&bob_, &carol_});
  alice_.want({});
  expire_the_log();
  bob_.rejoin();
  bob_.rejoin();
  alice_.sync();
  alice_.sync();
  bob_.sync();
  carol_.time_ms = alice_.time_ms;
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

// Whoever did not answer the request finds it after the answer.
TEST_F(MessengerRecovery, ARequestThatAnotherHasAnsweredIsNoNews) {
  share_a_group({&bob_, &carol_});
  bob_.rejoin();
  alice_.sync();
  alice_.sync();
  carol_.sync();
  bob_.sync();
  EXPECT_EQ(carol_.history().find("unreadable"), std::string::npos) << carol_.history();
  EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerRecovery, ARequestThatFindsUsRemovedIsNoNews) {
  share_a_group({&bob_, &carol_});
  carol_.rejoin();
  alice_.remove(bob_);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed");
}

TEST_F(MessengerRecovery, ARequestThatIsQuickerThanOurInvitationIsNoNews) {
  share_a_group({&carol_});
  alice_.invite({&bob_});
  std::vector<InboxEntry> invitation = std::exchange(server_.inboxes[bob_.key()], {});
  carol_.sync();
  carol_.rejoin();
  bob_.sync();
  invitation.back().sequence += 100;
  server_.inboxes[bob_.key()] = invitation;
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined");
}

TEST_F(MessengerRecovery, WhoComesBackPutsOutNobodyWhoWasQuicker) {
  share_a_group({&bob_, &carol_});
  alice_.want({});
  expire_the_log();
  carol_.rejoin();
  bob_.rejoin();  // who has her request, and cannot answer it
  for (Person* person : {&alice_, &carol_, &bob_, &carol_}) person->sync();
  EXPECT_TRUE(carol_.messenger.in_group(carol_.group().ref));
  alice_.sync();
  EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerRecovery, WhoComesBackWithNothingMissingLosesNothing) {
  share_a_group({&bob_, &carol_});
  carol_.rejoin();
  bob_.say_blindly("before");
  server_.append(bob_.messenger.log_id(bob_.group().ref), waiting_at(bob_).at(0));
  carol_.say_blindly("waiting");
  alice_.sync();
  alice_.sync();
  // The invitation is seen before the removal, as where both come between two looks.
  EXPECT_FALSE(read_inbox(carol_.messenger, server_, {}));
  carol_.sync();
  EXPECT_EQ(carol_.history(), "joined received:before removed joined sent:waiting");
  EXPECT_TRUE(carol_.group().accepted);
  EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
  alice_.sync();
  EXPECT_EQ(alice_.conversation(), "before waiting ");
}

TEST_F(MessengerRecovery, WhoIsBeingTakenInAgainIsToldSo) {
  share_a_group({&bob_, &carol_});
  carol_.rejoin();
  alice_.sync();
  alice_.sync();
  std::vector<InboxEntry> late = std::exchange(server_.inboxes[carol_.key()], {});
  carol_.sync();
  try {
    carol_.say_blindly("too early");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.reason(), Reason::conflict) << e.what();
  }
  server_.inboxes[carol_.key()] = late;
  carol_.sync();
  carol_.say("in time");
  EXPECT_EQ(carol_.conversation(), "in time ");
}

TEST_F(MessengerRecovery, WhoAsksToComeBackAndIsOnlyRemovedIsOut) {
  share_a_group({&bob_, &carol_});
  carol_.messenger.rejoin(carol_.group());
  carol_.say_blindly("waiting");
  alice_.remove(carol_);
  carol_.sync();
  EXPECT_EQ(carol_.history(), "joined removed unsent");
  EXPECT_TRUE(carol_.group().rejoining_with.empty());
}

// The others can read it, and so she has to know that there was something.
TEST_F(MessengerRecovery, WhatCameTooLateForWhoComesBackIsAGap) {
  share_a_group({&bob_, &carol_});
  const Bytes log = bob_.messenger.log_id(bob_.group().ref);
  carol_.rejoin();
  bob_.say_blindly("late");
  bob_.say_blindly("later");
  carol_.say_blindly("mine");
  std::vector<Append> late = waiting_at(bob_);
  late.push_back(std::move(waiting_at(carol_).at(0)));
  alice_.sync();
  alice_.sync();
  for (const Append& append : late) EXPECT_TRUE(server_.append(log, append).accepted);
  for (Person* person : {&alice_, &bob_, &carol_, &carol_}) person->sync();
  EXPECT_EQ(alice_.conversation(), "late later mine ");
  EXPECT_EQ(carol_.history(), "joined removed joined gap sent:mine");
}

// The server forgets with the message that it has taken it.
TEST_F(MessengerRecovery, WhatExpiredBeforeWeReadItBackIsNoReplay) {
  share_a_group({&bob_});
  alice_.say_blindly("long ago");
  server_.append(alice_.messenger.log_id(alice_.group().ref), waiting_at(alice_).at(0));
  bob_.sync();
  expire_the_log();
  server_.only_log().ids.clear();
  alice_.sync();
  bob_.sync();
  EXPECT_EQ(alice_.history(), "joined added gap sent:long ago");
  EXPECT_EQ(bob_.history(), "joined received:long ago");
}

TEST_F(MessengerRecovery, WhoIsBehindSpeaksInItsPlace) {
  share_a_group({&bob_, &carol_});
  alice_.want({});
  expire_the_log();
  alice_.say("first");
  carol_.say("second");  // the server would take it, as the epoch before is not long over
  EXPECT_EQ(waiting_at(carol_).size(), 1u);
  carol_.rejoin();
  for (Person* person : {&alice_, &carol_, &alice_}) person->sync();
  alice_.say("third");
  carol_.sync();
  EXPECT_EQ(alice_.conversation(), "first second third ");
  EXPECT_EQ(carol_.conversation(), "second third ");
}

TEST_F(MessengerRecovery, WhatTheOthersReadIsSentThoughWeAreRemovedBeforeIt) {
  share_a_group({&bob_});
  bob_.say_blindly("goodbye");
  bob_.say_blindly("too late");
  alice_.remove(bob_);
  const GroupRef ref = bob_.group().ref;
  server_.append(bob_.messenger.log_id(ref), waiting_at(bob_).at(0));
  bob_.sync();
  alice_.sync();
  EXPECT_EQ(alice_.history(), "joined added removed received:goodbye");
  EXPECT_EQ(bob_.history(), "joined removed sent:goodbye unsent");
}

TEST_F(MessengerRecovery, AnImpossibleNumberInTheInboxHidesNothingLater) {
  server_.inboxes[bob_.key()].push_back({uint64_t{1} << 62, Bytes(10)});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "unreadable");
  alice_.messenger.create_group("friends");
  alice_.invite({&bob_});
  bob_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.history(), "unreadable joined");
  EXPECT_TRUE(server_.inboxes[bob_.key()].empty());
}

TEST_F(MessengerRecovery, AServerThatCannotRemoveWhatWasReadKeepsNobodyFromReading) {
  server_.acknowledge_refusal = ServerError(Reason::overloaded, "the disk is full");
  share_a_group({&bob_});
  alice_.say("hello");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:hello");
  server_.acknowledge_refusal.reset();
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:hello");
  EXPECT_TRUE(server_.inboxes[bob_.key()].empty());
}

TEST_F(MessengerRecovery, AClockThatIsSetBackKeepsNobodyInAndNoKeysOld) {
  share_a_group({&bob_, &carol_});
  constexpr uint64_t day_ms = 24 * 3'600'000;
  carol_.leave();
  bob_.sync();  // he knows, and the first of the others is away
  ASSERT_TRUE(bob_.messenger.is_member(bob_.group(), carol_.key()));
  bob_.time_ms -= day_ms;
  bob_.sync();
  EXPECT_FALSE(bob_.messenger.is_member(bob_.group(), carol_.key()));
  const uint64_t epoch = bob_.messenger.epoch(bob_.group().ref);
  bob_.time_ms -= day_ms;  // before his keys were made new
  bob_.sync();
  EXPECT_EQ(bob_.messenger.epoch(bob_.group().ref), epoch + 1);
  bob_.sync();
  EXPECT_EQ(bob_.messenger.epoch(bob_.group().ref), epoch + 1);
}

TEST_F(MessengerRecovery, WhoWasShownAnImpossibleNumberInALogHearsAgainAfterSpeaking) {
  share_a_group({&bob_, &carol_});
  std::vector<LogEntry>& log = server_.only_log().entries;
  log.push_back({uint64_t{1} << 62, 1, false, Bytes(10)});
  for (Person* person : {&alice_, &bob_}) person->sync();
  log.pop_back();
  bob_.say("is anybody there?");
  EXPECT_FALSE(bob_.refused);
  EXPECT_EQ(bob_.history(), "joined unreadable gap sent:is anybody there?");
  alice_.sync();
  EXPECT_EQ(alice_.conversation(), "");
  alice_.remove(carol_);
  EXPECT_FALSE(alice_.refused);
  bob_.say("good");
  alice_.sync();
  EXPECT_EQ(alice_.authenticator(), bob_.authenticator());
  EXPECT_EQ(alice_.conversation(), "good ");
}

TEST_F(MessengerRecovery, WhoSeemedBehindGoesOnWhereNothingIsMissing) {
  share_a_group({&bob_});
  server_.only_log().epochs[1000] = {};  // or it knew the token no more, as with an older database
  bob_.say_blindly("waiting");
  bob_.sync();
  ASSERT_TRUE(bob_.group().is_behind);
  server_.only_log().epochs.erase(1000);
  bob_.sync();
  EXPECT_FALSE(bob_.group().is_behind);
  alice_.sync();
  EXPECT_EQ(alice_.conversation(), "waiting ");
}

// Who had read the change that the server lost is answered by who had not: in an epoch of the same
// number, which is another one.
TEST_F(MessengerRecovery, WhoHasReadWhatARestoredServerLostComesBack) {
  share_a_group({&bob_, &carol_});
  const FakeServer::Log backup = server_.only_log();
  alice_.want({});
  server_.only_log() = backup;
  alice_.sync();
  ASSERT_TRUE(alice_.group().is_behind);
  alice_.rejoin();
  for (Person* person : {&bob_, &bob_, &alice_, &carol_}) person->sync();
  EXPECT_EQ(alice_.messenger.epoch(alice_.group().ref), 2u);
  EXPECT_EQ(alice_.authenticator(), bob_.authenticator());
  EXPECT_EQ(carol_.authenticator(), bob_.authenticator());
  alice_.say("here again");
  carol_.sync();
  EXPECT_EQ(carol_.conversation(), "here again ");
}

// It is still wanted, and made with the next commit.
TEST_F(MessengerRecovery, WhoComesBackIsNotToldOfInvitationsThatAreStillToCome) {
  share_a_group({&bob_});
  server_.refusal = ServerError(Reason::overloaded, "the server is busy");
  alice_.invite({&carol_});
  server_.refusal.reset();
  bob_.want({});
  expire_the_log();
  alice_.sync();
  ASSERT_TRUE(alice_.group().is_behind);
  alice_.rejoin();
  for (Person* person : {&bob_, &bob_, &alice_, &alice_, &carol_}) person->sync();
  EXPECT_EQ(alice_.history().find("undelivered"), std::string::npos) << alice_.history();
  EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
}

// They are members, and would wait for ever for a Welcome that nobody sends.
TEST_F(MessengerRecovery, WhoComesBackIsToldOfInvitationsThatWereNotSent) {
  share_a_group({&bob_});
  server_.loses_answers = true;
  EXPECT_THROW(alice_.invite({&carol_}), ServerError);
  server_.loses_answers = false;
  bob_.sync();
  ASSERT_TRUE(bob_.messenger.is_member(bob_.group(), carol_.key()));
  server_.only_log().ids.clear();  // as it does with what has expired
  expire_the_log();
  alice_.sync();
  ASSERT_TRUE(alice_.group().is_behind);
  alice_.rejoin();
  bob_.sync();
  alice_.sync();
  EXPECT_EQ(alice_.authenticator(), bob_.authenticator());
  EXPECT_EQ(alice_.history(), "joined added gap gap joined undelivered");
  alice_.remove(carol_);
  alice_.invite({&carol_});
  carol_.sync();
  EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerRecovery, AnInvitationThatWaitsHoldsUpNoOther) {
  share_a_group({&bob_, &carol_});
  Intent again;  // to a group that he is in, and whose log is lost for good
  again.add = {bob_.key_package()};
  again.remove = {bob_.key()};
  alice_.want(again);
  const Bytes log = bob_.messenger.log_id(bob_.group().ref);
  server_.refused_log = log;
  server_.read_refusal = ServerError(Reason::not_found, "there is no such log");
  Person dave(random_, server_);
  dave.messenger.create_group("another");
  dave.invite({&bob_});
  bob_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined joined");
  EXPECT_EQ(bob_.state->groups.list().size(), 2u);
  EXPECT_EQ(server_.inboxes[bob_.key()].size(), 2u);  // what is behind what waits is only known
  server_.read_refusal.reset();
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined joined removed joined");
  EXPECT_TRUE(server_.inboxes[bob_.key()].empty());
}

// Makes a group with the id that another one has.
class Imitation final : public Random {
 public:
  Imitation(Random& random, Bytes id) : random_(random), id_(std::move(id)) {}
  void fill(MutableView out) override {
    if (is_at_it && out.size() == id_.size()) {
      std::ranges::copy(id_, out.begin());
    } else {
      random_.fill(out);
    }
  }
  bool is_at_it = false;

 private:
  Random& random_;
  const Bytes id_;
};

// A server can make anybody seem behind, and has a KeyPackage of everybody.
TEST_F(MessengerRecovery, AStrangerTakesNobodyOutOfAGroupThatSeemsBehind) {
  share_a_group({&bob_});
  Imitation imitation(random_, bob_.group().mls_id);
  Person mallory(imitation, server_);
  imitation.is_at_it = true;
  mallory.messenger.create_group("friends");
  imitation.is_at_it = false;
  ASSERT_EQ(mallory.group().mls_id, bob_.group().mls_id);
  FakeServer::Log& log = server_.logs.at(bob_.messenger.log_id(bob_.group().ref));
  log.epochs[1000] = {};
  bob_.sync();
  ASSERT_TRUE(bob_.group().is_behind);
  mallory.invite({&bob_});
  log.epochs.erase(1000);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap unreadable");
  EXPECT_TRUE(bob_.group().accepted);
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
  alice_.say("all is well");
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "all is well ");
}

// Of those whom we know as members all may have left meanwhile.
TEST_F(MessengerRecovery, AContactTakesUsInAgainWhoWasNoMemberBefore) {
  share_a_group({&bob_});
  alice_.invite({&carol_});
  carol_.sync();
  carol_.messenger.accept(carol_.group(), "");
  expire_the_log();
  bob_.sync();
  ASSERT_TRUE(bob_.group().is_behind);
  for (bool is_contact : {false, true}) {
    if (is_contact) {
      Contact contact{.name = "carol", .key = carol_.key()};
      bob_.state->contacts.add(contact);
    }
    carol_.remove(bob_);
    carol_.invite({&bob_});
    bob_.sync();
    EXPECT_EQ(bob_.authenticator() == carol_.authenticator(), is_contact);
  }
}

TEST_F(MessengerRecovery, AStrangerTakesNobodysPlaceWhoIsComingBack) {
  share_a_group({&bob_});
  Imitation imitation(random_, bob_.group().mls_id);
  Person mallory(imitation, server_);
  imitation.is_at_it = true;
  mallory.messenger.create_group("friends");
  imitation.is_at_it = false;
  bob_.rejoin();
  mallory.invite({&bob_});  // stands in the inbox before the answer
  alice_.sync();
  bob_.sync();
  EXPECT_TRUE(bob_.group().accepted);
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
  alice_.say("welcome back");
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "welcome back ");
}

}  // namespace
}  // namespace qnpc::client::test
