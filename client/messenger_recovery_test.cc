// What goes wrong for a while, at a server or because somebody was away too long, is over when it
// is over: nobody stays locked out.
#include "client/messenger_test_support.h"

namespace qnpc::client::test {
namespace {

using MessengerRecovery = MessengerTest;

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

TEST_F(MessengerRecovery, WhoSeemsBehindAgainAndAgainIsToldOnce) {
  share_a_group({&bob_});
  FakeServer::Log& log = server_.only_log();
  server_.before_append = [&](const Append&) { log.epochs[2] = {}; };
  bob_.messenger.want(bob_.group(), {});
  for (int i = 0; i < 3; ++i) {
    bob_.sync();
    EXPECT_TRUE(bob_.group().is_behind);
    log.epochs.erase(2);
  }
  EXPECT_EQ(bob_.history(), "joined gap");
}

// Whoever makes a good change can shut all others out so.
TEST_F(MessengerRecovery, AChangeWithAFalseTokenIsNamedWithWhoMadeIt) {
  share_a_group({&bob_});
  alice_.want({});
  FakeServer::Log& log = server_.only_log();
  const Bytes hash = std::exchange(log.epochs[2].hash, Bytes(32, 1));
  for (int i = 0; i < 2; ++i) bob_.sync();
  EXPECT_TRUE(bob_.group().is_behind);
  log.epochs[2].hash = hash;
  bob_.sync();
  EXPECT_FALSE(bob_.group().is_behind);
  log.epochs[2].hash = Bytes(32, 1);
  bob_.sync();
  EXPECT_TRUE(bob_.group().is_behind);
  EXPECT_EQ(bob_.history(), "joined gap");  // once
  std::string told;
  bob_.state->history.each(false, std::nullopt, [&](const HistoryEntry& entry) {
    if (entry.kind != Kind::gap) return;
    EXPECT_EQ(entry.sender, alice_.key());
    told += to_text(entry.content.reveal());
  });
  EXPECT_NE(told.find("position " + std::to_string(log.entries.back().sequence)), std::string::npos)
      << told;
}

TEST_F(MessengerRecovery, WhatHasExpiredInTheInboxIsTold) {
  alice_.messenger.create_group("friends");
  alice_.invite({&bob_});
  server_.inbox_expired_through = server_.inboxes[bob_.key()].back().sequence;
  server_.inboxes[bob_.key()].clear();
  for (int i = 0; i < 2; ++i) bob_.sync();
  EXPECT_EQ(bob_.history(), "gap");
  alice_.remove(bob_);
  alice_.invite({&bob_});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "gap joined");
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

}  // namespace
}  // namespace qnpc::client::test
