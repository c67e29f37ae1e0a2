// messenger_log_test: what the client makes of a log in which the server puts what it likes, and of
// one in which others are always quicker.
#include "client/limits.h"
#include "client/messenger_test_support.h"

namespace qnpc::client::test {
namespace {

class MessengerLog : public MessengerTest {
 protected:
  std::vector<LogEntry>& entries() { return server_.only_log().entries; }
  /// The payloads change places, the numbers stay.
  void swap(size_t a, size_t b) {
    std::swap(entries().at(a), entries().at(b));
    std::swap(entries().at(a).sequence, entries().at(b).sequence);
  }

  /// A message as its header says, RFC 9420 6.3: version, wire format, group id, epoch.
  static Bytes of_epoch(uint8_t epoch, Bytes message) {
    constexpr size_t last_byte_of_epoch = 2 + 2 + (1 + 32) + 7;
    message.at(last_byte_of_epoch) = epoch;
    return message;
  }

  static std::string told(Person& person, Kind kind) {
    std::string out;
    person.state->history.each(false, std::nullopt, [&](const HistoryEntry& entry) {
      if (entry.kind == kind) out += to_text(entry.content.reveal()) + "\n";
    });
    return out;
  }
  static std::string unreadable(Person& person) { return told(person, Kind::unreadable); }

  /// A member's client that has it appended as a change.
  void append_as_a_change(Person& member, Bytes payload) {
    Append change;
    change.kind = Append::Kind::commit;
    change.message_id = {9, 9};
    change.epoch = member.messenger.epoch(member.group().ref);
    change.token = member.messenger.append_token(member.group().ref);
    change.next_token_hash = Bytes(32, 1);
    change.payload = std::move(payload);
    EXPECT_TRUE(server_.append(member.messenger.log_id(member.group().ref), change).accepted);
  }
  /// Says that nothing can follow, where, and what is to be done.
  void expect_a_spoiled_log(Person& person) {
    EXPECT_TRUE(person.group().is_behind);
    const std::string gap = told(person, Kind::gap);
    const std::string place = "position " + std::to_string(entries().back().sequence);
    EXPECT_NE(gap.find(place), std::string::npos) << gap;
    EXPECT_NE(gap.find("start a new group without who made it"), std::string::npos) << gap;
  }
};

TEST_F(MessengerLog, TheEpochBesideAMessageIsNotBelieved) {
  share_a_group({&bob_});
  for (uint64_t said : {0, 9}) {
    alice_.say(std::to_string(said));
    entries().back().epoch = said;
  }
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:0 received:9");
  EXPECT_FALSE(bob_.group().is_behind);
}

TEST_F(MessengerLog, TheEpochBesideAChangeIsNotBelieved) {
  share_a_group({&bob_});
  alice_.want({});
  entries().back().epoch = 0;
  alice_.want({});
  entries().back().epoch = 9;
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined");
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerLog, WhatStandsBeforeItsCommitIsReadBehindIt) {
  share_a_group({&bob_, &carol_});
  alice_.say("one");
  alice_.want({});
  alice_.say("two");
  alice_.want({});
  alice_.say("three");
  // By now: the commit that adds both, "one", commit, "two", commit, "three".
  swap(2, 5);  // "three" and the first commit
  swap(2, 4);  // the second commit before all of it
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:one received:two received:three");
  EXPECT_FALSE(bob_.group().is_behind);
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
  // Page by page, with nothing but the disk between them.
  server_.page_entries = 1;
  for (int page = 0; page < 6; ++page) {
    const GroupRef group = carol_.group().ref;
    carol_.messenger.receive(
        group, server_.read_log(carol_.messenger.log_id(group),
                                carol_.messenger.append_token(group), carol_.group().cursor));
    carol_.messenger.forget_loaded();
  }
  EXPECT_EQ(carol_.history(), bob_.history());
  EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
  carol_.say("here");
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "one two three here ");
}

TEST_F(MessengerLog, ACommitThatIsWithheldForAWhileIsTakenInLater) {
  share_a_group({&bob_});
  alice_.want({});
  alice_.say("after it");
  LogEntry commit = entries().at(1);
  entries().erase(entries().begin() + 1);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap");
  EXPECT_TRUE(bob_.group().is_behind);
  commit.sequence = entries().back().sequence + 1;
  entries().push_back(commit);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap received:after it");
  EXPECT_FALSE(bob_.group().is_behind);
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerLog, WhatIsOfAnEpochThatTheGroupHasNotIsShownSo) {
  share_a_group({&bob_});
  alice_.say("true");
  LogEntry invented{1000, 9, false, of_epoch(9, entries().back().payload)};
  entries().push_back(invented);
  bob_.sync();
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:true unreadable");
  EXPECT_NE(unreadable(bob_).find("epoch 9, to which the group has not come (position 1000"),
            std::string::npos)
      << unreadable(bob_);
  EXPECT_FALSE(bob_.group().is_behind);
}

TEST_F(MessengerLog, WhatWasMadeOldIsShownAsUnreadable) {
  share_a_group({&bob_});
  alice_.say("altered");
  entries().back().payload = of_epoch(0, entries().back().payload);
  entries().push_back({1000, 0, false, to_bytes(std::string_view("invented"))});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined unreadable unreadable");
}

TEST_F(MessengerLog, NoMoreThanABoundWaitsForWhatNeverComes) {
  share_a_group({&bob_});
  alice_.say("true");
  const Bytes payload = of_epoch(9, entries().back().payload);
  for (uint64_t i = 0; i < limits::early_entries + 20; ++i) {
    entries().push_back({1000 + i, 9, false, payload});
  }
  server_.only_log().epochs[9] = {};
  bob_.sync();
  std::string too_many;
  for (int i = 0; i < 20; ++i) too_many += " unreadable";
  EXPECT_EQ(bob_.history(), "joined received:true" + too_many + " gap");
  EXPECT_TRUE(bob_.group().is_behind);
  const GroupRef group = bob_.group().ref;
  EXPECT_EQ(bob_.state->group_records(group).names("early/").size(), limits::early_entries);
  server_.only_log().epochs.erase(9);
  bob_.sync();
  EXPECT_EQ(bob_.state->group_records(group).names("early/").size(), 0u);
  EXPECT_FALSE(bob_.group().is_behind);  // any member can append such things
}

TEST_F(MessengerLog, NoMoreBytesThanABoundWaitForWhatNeverComes) {
  share_a_group({&bob_});
  alice_.say(std::string(limits::text_bytes, 'x'));
  const Bytes payload = of_epoch(9, entries().back().payload);
  for (uint64_t i = 0; i < 6; ++i) entries().push_back({1000 + i, 9, false, payload});
  server_.only_log().epochs[9] = {};
  bob_.sync();
  EXPECT_EQ(bob_.state->group_records(bob_.group().ref).names("early/").size(),
            limits::early_bytes / payload.size());
}

TEST_F(MessengerLog, WhoIsRemovedKeepsNothingThatWasStillToCome) {
  share_a_group({&bob_});
  alice_.say("true");
  entries().back().payload = of_epoch(9, entries().back().payload);
  server_.only_log().epochs[9] = {};
  bob_.sync();
  const GroupRef group = bob_.group().ref;
  EXPECT_EQ(bob_.state->group_records(group).names("early/").size(), 1u);
  server_.only_log().epochs.erase(9);
  alice_.remove(bob_);
  bob_.messenger.receive(
      group, server_.read_log(bob_.messenger.log_id(group), bob_.messenger.append_token(group),
                              bob_.group().cursor));
  EXPECT_EQ(bob_.history(), "joined gap removed");
  EXPECT_EQ(bob_.state->group_records(group).names("early").size(), 0u);
}

TEST_F(MessengerLog, AChangeThatTheLogHasAsAMessageIsNone) {
  share_a_group({&bob_, &carol_});
  alice_.messenger.want(alice_.group(), {});
  alice_.messenger.prepare_commit(alice_.group().ref, false);
  Append change = std::move(waiting_at_alice().at(0));
  change.kind = Append::Kind::message;
  server_.append(alice_.messenger.log_id(alice_.group().ref), change);
  bob_.say("unimpressed");
  carol_.sync();
  EXPECT_EQ(carol_.history(), "joined unreadable received:unimpressed");
  EXPECT_FALSE(carol_.group().is_behind);
}

TEST_F(MessengerLog, AMessageThatTheLogHasAsAChangeIsNamedWithItsPlace) {
  share_a_group({&bob_});
  alice_.say_blindly("a message");
  append_as_a_change(alice_, waiting_at_alice().at(0).payload);
  const std::string place = "position " + std::to_string(entries().back().sequence);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:a message unreadable gap");
  EXPECT_NE(unreadable(bob_).find("ends epoch 1 (" + place), std::string::npos) << unreadable(bob_);
  expect_a_spoiled_log(bob_);
}

TEST_F(MessengerLog, AMessageOfALaterEpochThatTheLogHasAsAChangeIsNamedWithItsPlace) {
  share_a_group({&bob_});
  alice_.say("true");
  append_as_a_change(alice_, of_epoch(2, entries().back().payload));
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:true gap");
  expect_a_spoiled_log(bob_);
}

TEST_F(MessengerLog, AnOldRequestToLeaveThatTheLogHasAsAChangeIsNamedWithItsPlace) {
  share_a_group({&bob_, &carol_});
  carol_.leave();
  const Bytes request = entries().back().payload;
  alice_.want({});
  alice_.sync();
  bob_.sync();
  append_as_a_change(bob_, request);
  bob_.sync();
  EXPECT_NE(bob_.history().find("unreadable gap"), std::string::npos) << bob_.history();
  expect_a_spoiled_log(bob_);
}

// The server's word, which is not true: whoever said it has done nothing.
TEST_F(MessengerLog, AMessageThatTheServerShowsAsAChangeMakesNobodySuspect) {
  share_a_group({&bob_});
  alice_.say("innocent");
  entries().back().is_commit = true;
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:innocent unreadable");
  EXPECT_EQ(unreadable(bob_).find("who made it"), std::string::npos) << unreadable(bob_);
  EXPECT_FALSE(bob_.group().is_behind);
}

TEST_F(MessengerLog, AnAppendWithoutANumberIsRefused) {
  share_a_group({&bob_});
  server_.numbers_nothing = true;
  bob_.say("hello");
  EXPECT_EQ(bob_.refused->reason(), Reason::malformed);
  EXPECT_LT(bob_.group().cursor, 100u);
  server_.numbers_nothing = false;
  bob_.sync();
  alice_.sync();
  EXPECT_EQ(alice_.conversation(), "hello ");
  EXPECT_EQ(bob_.conversation(), "hello ");
}

// --- What does not come, or not in its turn, within an epoch ---

TEST_F(MessengerLog, WhatIsWithheldBetweenTwoMessagesIsMissed) {
  share_a_group({&bob_, &carol_});
  for (const char* text : {"one", "two", "three", "four"}) alice_.say(text);
  LogEntry two = entries().at(2), three = entries().at(3);
  entries().erase(entries().begin() + 2, entries().begin() + 4);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:one gap received:four");
  bob_.state->history.each(false, std::nullopt, [&](const HistoryEntry& entry) {
    if (entry.kind != Kind::gap) return;
    EXPECT_EQ(entry.sender, alice_.key());
  });
  const std::string gap = told(bob_, Kind::gap);
  EXPECT_EQ(gap.find("2 messages of theirs before the next are missing"), 0u) << gap;
  two.sequence = 1000;
  three.sequence = 1001;
  entries().insert(entries().end(), {two, three});
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "one four two three ");
  EXPECT_EQ(bob_.history(), "joined received:one gap received:four received:two received:three");
}

// Also in the epoch before, whose messages are read for a while.
TEST_F(MessengerLog, WhatIsInAnotherOrderIsReadOnceAndSaidToBe) {
  share_a_group({&bob_});
  alice_.say_blindly("one");
  alice_.say_blindly("two");
  bob_.want({});
  alice_.sync();
  ASSERT_EQ(alice_.conversation(), "one two ");
  swap(2, 3);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap received:two received:one");
}

// Also where the epoch in which it has expired is over.
TEST_F(MessengerLog, WhatHasExpiredIsToldOnce) {
  share_a_group({&bob_, &carol_});
  alice_.say("gone");
  alice_.say_blindly("late");
  carol_.want({});
  EXPECT_TRUE(server_.append(alice_.messenger.log_id(alice_.group().ref), waiting_at_alice().at(0))
                  .accepted);
  server_.only_log().expired_through = entries().at(1).sequence;
  entries().erase(entries().begin(), entries().begin() + 2);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap received:late");
}

TEST_F(MessengerLog, WhatIsSaidToBeGoneWhileItIsShownIsRefused) {
  share_a_group({&bob_});
  alice_.say("here");
  server_.only_log().expired_through = entries().back().sequence;
  bob_.sync();
  EXPECT_EQ(bob_.refused->reason(), Reason::malformed);
  server_.only_log().expired_through = 0;
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined received:here");
}

TEST_F(MessengerLog, WhatIsSaidToBeGoneIsNoNewsASecondTime) {
  share_a_group({&bob_});
  alice_.say("gone");
  server_.only_log().expired_through = entries().back().sequence;
  entries().clear();
  bob_.sync();
  --server_.only_log().expired_through;
  alice_.say("there");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap received:there");
}

TEST_F(MessengerLog, WhoWasToldThatTheFutureIsGoneComesBackByTheNextChange) {
  share_a_group({&bob_, &carol_});
  const std::vector<LogEntry> kept = std::exchange(entries(), {});
  server_.only_log().expired_through = uint64_t{1} << 40;
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap");
  server_.only_log().expired_through = 0;
  entries() = kept;
  alice_.say("unheard");
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap");
  alice_.want({});
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap gap");
  EXPECT_TRUE(bob_.group().is_behind);
  bob_.rejoin();
  for (Person* person : {&alice_, &bob_}) person->sync();
  alice_.say("heard");
  bob_.sync();
  EXPECT_EQ(bob_.conversation(), "heard ");
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerLog, AChangeThatOthersAlwaysForestallIsGivenUpAndTold) {
  share_a_group({&bob_, &carol_});
  uint32_t attempts = 0;
  bool is_meanwhile = false;
  server_.before_append = [&](const Append& append) {
    if (is_meanwhile || append.kind != Append::Kind::commit) return;
    ++attempts;
    is_meanwhile = true;
    bob_.want({});
    is_meanwhile = false;
  };
  Intent removal;
  removal.remove = {carol_.key()};
  const GroupRef group = alice_.group().ref;
  alice_.messenger.want(alice_.group(), std::move(removal));
  EXPECT_FALSE(synchronise_log(alice_.messenger, *alice_.state, server_, group, false));
  EXPECT_EQ(attempts, limits::commit_attempts);
  server_.before_append = nullptr;
  EXPECT_TRUE(alice_.state->intents.of(group).empty());
  EXPECT_EQ(alice_.messenger.take_notes(),
            std::vector<std::string>{"a change of friends was given up: others changed the group "
                                     "first, 100 times. Try it again"});
  alice_.remove(carol_);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined removed");
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
}

TEST_F(MessengerLog, ALogThatIsRefusedUsesNoInvitationUp) {
  share_a_group({&bob_, &carol_});
  alice_.remove(carol_);
  alice_.invite({&carol_});
  server_.read_refusal = ServerError(Reason::overloaded, "the server is busy");
  carol_.sync();
  EXPECT_EQ(carol_.history(), "joined");
  server_.read_refusal.reset();
  carol_.sync();
  EXPECT_EQ(carol_.history(), "joined removed joined");
  EXPECT_EQ(carol_.authenticator(), alice_.authenticator());
}

}  // namespace
}  // namespace qnpc::client::test
