// messenger_server_test: the messenger and a server that fails, forgets or lies.
#include <gtest/gtest.h>

#include "client/messenger_test_support.h"
#include "tests/support/reason_of.h"

namespace qnpc::client {
namespace {

using test::MessengerTest;
using test::Person;

TEST_F(MessengerTest, ALostAnswerNeitherRepeatsNorLoses) {
  share_a_group({&bob_});
  server_.loses_answers = true;
  EXPECT_THROW(alice_.say("once"), ServerError);
  EXPECT_THROW(alice_.invite({&carol_}), ServerError);
  server_.loses_answers = false;
  alice_.messenger.forget_loaded();
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

TEST_F(MessengerTest, AMessageThatIsTooLargeForTheServerHoldsUpNothing) {
  share_a_group({&bob_});
  server_.refusal = ServerError(Reason::too_large, "16384 bytes at most");
  alice_.say("long");
  EXPECT_FALSE(alice_.refused);
  EXPECT_TRUE(waiting_at_alice().empty());
  server_.refusal.reset();
  alice_.say("short");
  alice_.want({});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap received:short");  // its number was used for nothing
  EXPECT_EQ(alice_.history(), "joined added unsent sent:short");
  const std::vector<std::string> notes = alice_.messenger.take_notes();
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("16384 bytes at most"), std::string::npos) << notes[0];
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerTest, ACommitThatIsTooLargeForTheServerHoldsUpNothing) {
  share_a_group({&bob_});
  server_.refusal = ServerError(Reason::too_large, "16384 bytes at most");
  alice_.invite({&carol_});
  EXPECT_FALSE(alice_.refused);
  EXPECT_TRUE(waiting_at_alice().empty());
  EXPECT_TRUE(alice_.state->intents.of(alice_.group().ref).empty());
  // Nor does one that nobody asked for: it is not made over and over, but once each time that the
  // log is read, which sync() does twice.
  alice_.messenger.set_refresh_policy({.messages = 0});
  const size_t before = server_.appends;
  alice_.sync();
  EXPECT_EQ(server_.appends, before + 2);
  alice_.messenger.set_refresh_policy({});
  server_.refusal.reset();
  alice_.say("still here");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:still here");
  alice_.invite({&carol_});
  carol_.sync();
  EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerTest, WhatCannotBeReadIsNotedAndStopsNothing) {
  share_a_group({&bob_});
  alice_.say("altered");
  server_.only_log().entries.back().payload.back() ^= 1;
  alice_.say("whole");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined unreadable gap received:whole");
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

TEST_F(MessengerTest, WhatExpiredBeforeWeReadItBackWasSaid) {
  share_a_group({&bob_});
  alice_.say_blindly("long ago");
  Append append = std::move(waiting_at_alice().at(0));
  FakeServer::Log& log = server_.only_log();
  server_.append(alice_.messenger.log_id(alice_.group().ref), append);
  log.expired_through = log.entries.back().sequence;
  log.entries.pop_back();
  alice_.sync();
  EXPECT_FALSE(alice_.refused);
  EXPECT_EQ(alice_.history(), "joined added gap sent:long ago");
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
  server_.enqueue(request, {{1, {alice_.key(), {}}, {7}}});
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
  EXPECT_FALSE(read_inbox(bob_.messenger, server_, {}));
  EXPECT_EQ(bob_.history(), "joined");
  EXPECT_TRUE(read_inbox(bob_.messenger, server_, {bob_.group().ref}));
  EXPECT_EQ(bob_.history(), "joined unreadable");
}

TEST_F(MessengerTest, WhoWasRemovedAndInvitedAgainWhileAwayGetsBoth) {
  share_a_group({&bob_, &carol_});
  Intent invitation;
  invitation.add = {bob_.key_package()};
  alice_.remove(bob_);
  alice_.want(invitation);
  // The invitation is seen before the removal, as where both come between two looks.
  EXPECT_FALSE(read_inbox(bob_.messenger, server_, {}));
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed joined");
  alice_.say("again");
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "again ");
}

TEST_F(MessengerTest, WhoWasInvitedThriceWhileAwayIsInAtLast) {
  alice_.messenger.create_group("friends");
  alice_.invite({&carol_});
  for (int i = 0; i < 2; ++i) {
    alice_.invite({&bob_});
    alice_.remove(bob_);
  }
  alice_.invite({&bob_});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed joined removed joined");
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerTest, AnInvitationThatComesLateIsNoSecondOne) {
  share_a_group({&carol_});
  alice_.invite({&bob_});
  std::vector<InboxEntry> late = std::exchange(server_.inboxes[bob_.key()], {});
  alice_.remove(bob_);
  alice_.invite({&bob_});
  bob_.sync();
  late.back().sequence += 100;
  server_.inboxes[bob_.key()].push_back(late.back());
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined");
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

// What the outbox of a person holds, oldest first.
std::vector<Bytes> post_of(Person& person) {
  std::vector<Bytes> out;
  for (int64_t outgoing : person.state->outbox.waiting()) {
    out.push_back(to_bytes(person.state->outbox.payload(outgoing).reveal()));
  }
  return out;
}

TEST_F(MessengerTest, WhoAsksToComeBackAndIsRemovedStaysOut) {
  share_a_group({&bob_, &carol_});
  carol_.messenger.rejoin(carol_.group());
  server_.enqueue(post_of(carol_).at(0), {{1, {bob_.key(), {}}, {7}}});
  read_inbox(bob_.messenger, server_, {bob_.group().ref});  // she is a member still
  alice_.remove(carol_);
  bob_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.messenger.members(bob_.group()).size(), 2u);
  EXPECT_TRUE(bob_.state->intents.of(bob_.group().ref).empty());
}

TEST_F(MessengerTest, AnOldRequestToComeBackPutsNobodyOut) {
  share_a_group({&bob_, &carol_});
  carol_.messenger.rejoin(carol_.group());
  Bytes request = post_of(carol_).at(0);
  server_.enqueue(request, {{1, {alice_.key(), {}}, {7}}});
  alice_.sync();
  alice_.sync();
  for (Person* person : {&bob_, &carol_}) person->sync();
  EXPECT_TRUE(carol_.messenger.in_group(carol_.group().ref));
  const Bytes agreed = alice_.authenticator();
  server_.enqueue(request, {{1, {bob_.key(), {}}, {8}}});  // withheld until now
  bob_.sync();
  carol_.sync();
  EXPECT_EQ(carol_.authenticator(), agreed);
  EXPECT_EQ(bob_.authenticator(), agreed);
}

TEST_F(MessengerTest, NobodyCanPutAnotherGroupInThePlaceOfOurs) {
  share_a_group({&bob_});
  bob_.messenger.rejoin(bob_.group());
  Bytes before = bob_.authenticator();
  // With another KeyPackage of ours, though for the same group.
  Intent fresh;
  fresh.add = {bob_.key_package()};
  fresh.remove = {bob_.key()};
  alice_.want(fresh);
  EXPECT_FALSE(read_inbox(bob_.messenger, server_, {}));
  EXPECT_TRUE(read_inbox(bob_.messenger, server_, {bob_.group().ref}));
  EXPECT_EQ(bob_.authenticator(), before);
}

TEST_F(MessengerTest, AnIntentThatCannotBeMadeBlocksNothing) {
  share_a_group({&bob_, &carol_});
  Intent bad;
  bad.add = {carol_.key_package()};
  bad.add[0].back() ^= 1;
  bad.remove = {carol_.key()};
  bad.rejoin = true;
  alice_.messenger.want(alice_.group(), bad);
  alice_.say("unimpressed");
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "unimpressed ");
  EXPECT_EQ(alice_.messenger.take_notes().size(), 1u);
}

TEST_F(MessengerTest, AMessageThatTheServerDeniedAndHadIsShownOnce) {
  share_a_group({&bob_});
  alice_.say_blindly("twice?");
  Append append = std::move(waiting_at_alice().at(0));
  FakeServer::Log& log = server_.only_log();
  server_.append(alice_.messenger.log_id(alice_.group().ref), append);
  LogEntry hidden = log.entries.back();
  log.entries.pop_back();
  log.ids.clear();
  bob_.want({});
  bob_.want({});
  log.entries.insert(log.entries.begin() + 1, hidden);
  alice_.state->groups.update([&] {
    Group skipped = alice_.group();
    skipped.cursor = hidden.sequence;
    return skipped;
  }());
  alice_.sync();
  bob_.state->groups.update([&] {
    Group again = bob_.group();
    again.cursor = 0;
    return again;
  }());
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "twice? ");
}

TEST_F(MessengerTest, AnOldInvitationForALastResortTakesNobodyBack) {
  KeyPackages& own = bob_.messenger.key_packages();
  const Bytes last_resort = own.unpublished_last_resort(group::default_suite);
  Intent invitation;
  invitation.add = {last_resort};
  share_a_group({&carol_});
  alice_.want(invitation);
  bob_.sync();
  InboxEntry again = server_.post[bob_.key()].front();
  alice_.remove(bob_);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed");
  // So long ago that its payload is forgotten.
  bob_.state->database().run("DELETE FROM seen");
  again.sequence += 100;
  server_.inboxes[bob_.key()].push_back(again);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed gap");  // it was not taken
  EXPECT_FALSE(bob_.messenger.in_group(bob_.group().ref));
  alice_.want(invitation);
  bob_.state->inbox.set_cursor(server_.server_key(), 0);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed gap joined");
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerTest, AUsedLastResortIsToBeReplaced) {
  KeyPackages& own = bob_.messenger.key_packages();
  const Bytes last_resort = own.unpublished_last_resort(group::default_suite);
  own.last_resort_published(group::default_suite, last_resort);
  own.filled();
  Intent invitation;
  invitation.add = {last_resort};
  share_a_group({&carol_});
  alice_.want(invitation);
  EXPECT_FALSE(own.is_due());
  bob_.sync();
  EXPECT_TRUE(own.is_due());
  EXPECT_TRUE(own.is_last_resort_old(group::default_suite));
}

TEST_F(MessengerTest, AnInvitationThatWillNeverBeDeliveredIsGivenUp) {
  alice_.messenger.create_group("friends");
  for (Reason reason : {Reason::unauthorized, Reason::malformed, Reason::too_large}) {
    server_.inbox_refusals.insert_or_assign(bob_.key(), ServerError(reason, "so it is"));
    alice_.invite({&bob_, &carol_});
    ASSERT_EQ(alice_.refusals.final.size(), 1u);
    const ServerError& told = alice_.refusals.final.front().refusal;
    EXPECT_EQ(told.reason(), reason);
    for (const std::string& word : {"the invitation of " + to_hex(bob_.key()),
                                    std::string("so it is"), std::string("`remove`")}) {
      EXPECT_NE(std::string(told.what()).find(word), std::string::npos) << told.what();
    }
    EXPECT_TRUE(alice_.state->outbox.waiting().empty());
    carol_.sync();
    EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
    alice_.remove(bob_);
    alice_.remove(carol_);
    EXPECT_TRUE(alice_.refusals.final.empty());
  }
  server_.inbox_refusals.clear();
  alice_.invite({&bob_});
  bob_.sync();
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerTest, WhatIsGivenUpIsInTheHistoryThoughTheConnectionIsLostAtTheNext) {
  alice_.messenger.create_group("friends");
  server_.inbox_refusals.insert_or_assign(bob_.key(), ServerError(Reason::unauthorized, "no"));
  for (Person* person : {&bob_, &carol_}) {
    Intent invitation;
    invitation.add = {person->key_package()};
    alice_.messenger.want(alice_.group(), invitation);
  }
  server_.enqueues_left = 1;
  EXPECT_EQ(qnpc::test::reason_of([&] { alice_.sync(); }), Reason::truncated);
  EXPECT_EQ(alice_.history(), "joined added added undelivered");
}

TEST_F(MessengerTest, ARequestThatWillNeverBeDeliveredIsGivenUp) {
  share_a_group({&bob_});
  server_.inbox_refusals.insert_or_assign(alice_.key(), ServerError(Reason::unauthorized, "no"));
  bob_.rejoin();
  ASSERT_EQ(bob_.refusals.final.size(), 1u);
  EXPECT_NE(std::string(bob_.refusals.final[0].refusal.what()).find("`remove`"), std::string::npos);
  EXPECT_TRUE(bob_.state->outbox.waiting().empty());
}

TEST_F(MessengerTest, AFullInboxIsTriedAgain) {
  alice_.messenger.create_group("friends");
  server_.inbox_refusals.insert_or_assign(bob_.key(), ServerError(Reason::quota, "full"));
  alice_.invite({&bob_});
  ASSERT_TRUE(alice_.refusals.waits);
  EXPECT_TRUE(alice_.refusals.final.empty());
  server_.inbox_refusals.clear();
  alice_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined");
}

TEST_F(MessengerTest, WhatIsWaitingWhenWeAreRemovedIsShownAsUnsent) {
  share_a_group({&bob_});
  alice_.remove(bob_);
  Content content = bob_.messenger.send(bob_.group(), "too late");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed unsent");
  EXPECT_FALSE(bob_.messenger.is_delivered(content.id));
}

TEST_F(MessengerTest, TheInboxHoldsOnlyInvitations) {
  share_a_group({&bob_});
  server_.enqueue(as_view("no message of anybody"), {{1, {bob_.key(), {}}, {1}}});
  server_.enqueue({}, {{2, {bob_.key(), {}}, {2}}});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined unreadable unreadable");
}

TEST_F(MessengerTest, AnInvitationThatComesTwiceIsTakenOnce) {
  share_a_group({&bob_});
  InboxEntry again = server_.post[bob_.key()].front();
  again.sequence += 100;
  server_.inboxes[bob_.key()].push_back(again);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined");
}

}  // namespace
}  // namespace qnpc::client
