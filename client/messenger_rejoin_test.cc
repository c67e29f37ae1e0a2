// Who asks the others to be taken in again, and who answers.
#include "client/messenger_test_support.h"

namespace qnpc::client::test {
namespace {

using MessengerRejoin = MessengerTest;

TEST_F(MessengerRejoin, WhoAsksTwiceToComeBackComesBack) {
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
TEST_F(MessengerRejoin, ARequestThatAnotherHasAnsweredIsNoNews) {
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

TEST_F(MessengerRejoin, ARequestThatFindsUsRemovedIsNoNews) {
  share_a_group({&bob_, &carol_});
  carol_.rejoin();
  alice_.remove(bob_);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed");
}

TEST_F(MessengerRejoin, ARequestThatIsQuickerThanOurInvitationIsNoNews) {
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

TEST_F(MessengerRejoin, WhoComesBackPutsOutNobodyWhoWasQuicker) {
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

TEST_F(MessengerRejoin, WhoComesBackWithNothingMissingLosesNothing) {
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

TEST_F(MessengerRejoin, WhoIsBeingTakenInAgainIsToldSo) {
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

TEST_F(MessengerRejoin, WhoAsksToComeBackAndIsOnlyRemovedIsOut) {
  share_a_group({&bob_, &carol_});
  carol_.messenger.rejoin(carol_.group());
  carol_.say_blindly("waiting");
  alice_.remove(carol_);
  carol_.sync();
  EXPECT_EQ(carol_.history(), "joined removed unsent");
  EXPECT_TRUE(carol_.group().rejoining_with.empty());
}

// The others can read it, and so she has to know that there was something.
TEST_F(MessengerRejoin, WhatCameTooLateForWhoComesBackIsAGap) {
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

// Who had read the change that the server lost is answered by who had not: in an epoch of the same
// number, which is another one.
TEST_F(MessengerRejoin, WhoHasReadWhatARestoredServerLostComesBack) {
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

// Who asked twice is answered twice, where one who answers did not see the other's answer; nobody
// is answered with the same KeyPackage again, whose keys are gone.
TEST_F(MessengerRejoin, WhoAsksARestoredServerTwiceStaysIn) {
  Person dave(random_, server_);
  share_a_group({&bob_, &carol_, &dave});
  const FakeServer::Log backup = server_.only_log();
  for (int i = 0; i < 2; ++i) alice_.want({});
  server_.only_log() = backup;
  alice_.sync();
  alice_.rejoin();
  alice_.time_ms += 2000;
  alice_.rejoin();
  for (Person* person : {&bob_, &bob_, &alice_}) person->sync();
  alice_.say_blindly("waiting");
  for (Person* person : {&carol_, &carol_, &alice_, &dave, &dave, &alice_, &bob_}) person->sync();
  EXPECT_TRUE(alice_.messenger.in_group(alice_.group().ref));
  EXPECT_TRUE(alice_.group().accepted);
  alice_.say("still here");
  dave.sync();
  EXPECT_EQ(dave.conversation(), "waiting still here ");
  EXPECT_EQ(dave.authenticator(), alice_.authenticator());
}

// Of those who answered nobody sends the Welcome a second time.
TEST_F(MessengerRejoin, WhoseAnswerIsLostAsksAnew) {
  for (bool is_behind : {true, false}) {
    FakeServer server;
    Person alice(random_, server), bob(random_, server), carol(random_, server);
    alice.messenger.create_group("friends");
    alice.invite({&bob, &carol});
    for (Person* person : {&bob, &carol}) {
      person->sync();
      person->messenger.accept(person->group(), "");
    }
    if (is_behind) {
      alice.want({});
      bob.sync();
      FakeServer::Log& log = server.only_log();
      log.expired_through = log.entries.back().sequence;
      log.entries.clear();
    }
    carol.rejoin();
    for (Person* person : {&alice, &alice, &bob}) person->sync();
    server.inboxes[carol.key()].clear();
    carol.sync();
    carol.time_ms += 2000;
    carol.rejoin();
    for (Person* person : {&alice, &alice, &bob, &bob, &carol, &alice}) person->sync();
    EXPECT_TRUE(carol.messenger.in_group(carol.group().ref));
    EXPECT_EQ(carol.authenticator(), alice.authenticator());
    EXPECT_EQ(carol.authenticator(), bob.authenticator());
  }
}

TEST_F(MessengerRejoin, WhoWasInvitedByHandMeanwhileIsNotPutOutByAnAnswer) {
  share_a_group({&bob_, &carol_});
  bob_.rejoin();
  server_.refusal = ServerError(Reason::overloaded, "the server is busy");
  alice_.sync();  // wants to answer
  server_.refusal.reset();
  EXPECT_EQ(alice_.state->intents.of(alice_.group().ref).size(), 1u);
  server_.inboxes[carol_.key()].clear();
  carol_.remove(bob_);
  carol_.invite({&bob_});
  alice_.sync();
  EXPECT_EQ(alice_.authenticator(), carol_.authenticator());  // she had nothing to change
  bob_.sync();
  EXPECT_TRUE(bob_.messenger.in_group(bob_.group().ref));
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

// Its number tells nothing: the server has lost the changes before it, or ours was invented.
TEST_F(MessengerRejoin, WhoIsBehindMayBeInvitedToAnEpochBeforeTheirs) {
  share_a_group({&bob_, &carol_});
  const FakeServer::Log backup = server_.only_log();
  for (int i = 0; i < 5; ++i) bob_.want({});
  server_.only_log() = backup;
  bob_.sync();
  ASSERT_TRUE(bob_.group().is_behind);
  alice_.remove(bob_);
  alice_.invite({&bob_});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap joined");
  EXPECT_FALSE(bob_.group().accepted);
  bob_.messenger.accept(bob_.group(), "");
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
  bob_.say("here again");
  alice_.sync();
  EXPECT_EQ(alice_.conversation(), "here again ");
}

// It was encrypted when she came back; what has expired since makes it no older.
TEST_F(MessengerRejoin, WhatWaitsIsEncryptedAnewOnceForWhoComesBack) {
  share_a_group({&bob_, &carol_});
  alice_.want({});
  bob_.sync();
  expire_the_log();
  carol_.say_blindly("waiting");
  carol_.rejoin();
  for (Person* person : {&alice_, &alice_, &bob_}) person->sync();
  bob_.say("gone again");
  alice_.sync();
  expire_the_log();
  for (Person* person : {&carol_, &alice_, &bob_}) person->sync();
  EXPECT_EQ(alice_.conversation(), "gone again waiting ");
  EXPECT_EQ(alice_.history().find("gap"), std::string::npos) << alice_.history();
  EXPECT_EQ(bob_.history().find("gap"), std::string::npos) << bob_.history();
}

// Who has joined since has no record of those who were there before.
TEST_F(MessengerRejoin, WhoHasComeBackAnswersWhoAsksAfterThat) {
  share_a_group({&bob_, &carol_});
  for (Person* person : {&bob_, &carol_}) person->want({});  // no leaf is a KeyPackage's
  alice_.sync();
  alice_.want({});
  expire_the_log();
  for (Person* person : {&bob_, &carol_}) person->sync();
  bob_.rejoin();
  for (Person* person : {&alice_, &alice_, &bob_}) person->sync();
  ASSERT_EQ(bob_.authenticator(), alice_.authenticator());
  carol_.time_ms += 2000;  // and from now on Alice is away
  carol_.rejoin();
  for (Person* person : {&bob_, &bob_, &carol_}) person->sync();
  EXPECT_EQ(carol_.authenticator(), bob_.authenticator());
}

// The server, or a member, brings an old request to somebody who has joined since.
TEST_F(MessengerRejoin, WhoHasComeBackFollowsNoRequestFromBeforeThat) {
  share_a_group({&bob_, &carol_});
  bob_.rejoin();
  for (Person* person : {&alice_, &alice_, &bob_}) person->sync();
  bob_.want({});  // his leaf tells no more which KeyPackage it was
  alice_.sync();
  const Bytes request = server_.post[alice_.key()].back().payload;
  carol_.time_ms += 2000;
  server_.inboxes[carol_.key()].clear();
  carol_.rejoin();
  for (Person* person : {&alice_, &alice_, &carol_}) person->sync();
  ASSERT_EQ(carol_.authenticator(), alice_.authenticator());
  ASSERT_EQ(group::read_rejoin_request(request).identity, bob_.key());
  server_.enqueue(request, {{1, {carol_.key(), {}}, {7}}});
  const Bytes before = carol_.authenticator();
  for (int i = 0; i < 2; ++i) carol_.sync();
  EXPECT_EQ(carol_.authenticator(), before);
}

// It is still wanted, and made with the next commit.
TEST_F(MessengerRejoin, WhoComesBackIsNotToldOfInvitationsThatAreStillToCome) {
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
TEST_F(MessengerRejoin, WhoComesBackIsToldOfInvitationsThatWereNotSent) {
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

// Makes a group with the ids that another one and its log have.
class Imitation final : public Random {
 public:
  explicit Imitation(Random& random) : random_(random) {}
  void fill(MutableView out) override {
    if (!next.empty() && out.size() == next.front().size()) {
      std::ranges::copy(next.front(), out.begin());
      next.erase(next.begin());
    } else {
      random_.fill(out);
    }
  }
  std::vector<Bytes> next;

 private:
  Random& random_;
};

struct Impostor {
  Impostor(Random& random, FakeServer& server, std::vector<Bytes> ids)
      : imitation(random), person(imitation, server) {
    imitation.next = std::move(ids);
    person.messenger.create_group("friends");
  }

  Imitation imitation;
  Person person;
};

// A server can make anybody seem behind, and has a KeyPackage of everybody.
TEST_F(MessengerRejoin, AStrangerTakesNobodyOutOfAGroupThatSeemsBehind) {
  share_a_group({&bob_});
  Impostor impostor(random_, server_, {bob_.group().mls_id, bob_.group().mls_id});
  Person& mallory = impostor.person;
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
TEST_F(MessengerRejoin, AContactTakesUsInAgainWhoWasNoMemberBefore) {
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

// It knows the ids of the group and its log, and sees the KeyPackage in the request.
TEST_F(MessengerRejoin, TheServerCannotAnswerARequestToComeBack) {
  share_a_group({&bob_});
  const Bytes log = bob_.messenger.log_id(bob_.group().ref);
  for (uint64_t lie : {0, 1000}) {
    if (lie > 0) server_.logs.at(log).epochs[lie] = {};
    bob_.say_blindly("for alice alone");
    bob_.rejoin();
    const Bytes request = server_.post[alice_.key()].back().payload;
    std::optional<Impostor> impostor;
    std::vector<Bytes> ids{bob_.group().mls_id, log};
    for (int order = 0; order < 2; ++order) {  // in whichever order they are asked for
      impostor.emplace(random_, server_, ids);
      if (impostor->person.group().mls_id == bob_.group().mls_id) break;
      std::swap(ids[0], ids[1]);
    }
    Person& mallory = impostor->person;
    ASSERT_EQ(mallory.messenger.log_id(mallory.group().ref), log);
    Intent answer;
    answer.add = {group::read_rejoin_request(request).key_package};
    const Bytes before = bob_.authenticator();
    const FakeServer::Log kept = server_.logs.at(log);
    server_.logs.erase(log);
    for (int i = 0; i < 5; ++i) mallory.want({});  // beyond his epoch
    mallory.want(answer);
    server_.logs[log] = kept;
    bob_.sync();
    EXPECT_NE(bob_.history().find("unreadable"), std::string::npos) << bob_.history();
    EXPECT_EQ(bob_.authenticator(), before);
    EXPECT_FALSE(bob_.messenger.is_member(bob_.group(), mallory.key()));
    EXPECT_EQ(bob_.group().is_behind, lie > 0);
  }
}

TEST_F(MessengerRejoin, AStrangerTakesNobodysPlaceWhoIsComingBack) {
  share_a_group({&bob_});
  Impostor impostor(random_, server_, {bob_.group().mls_id, bob_.group().mls_id});
  Person& mallory = impostor.person;
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
