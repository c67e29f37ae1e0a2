// messenger_log_test: what the client makes of a log in which the server puts what it likes, and of
// one in which others are always quicker.
#include "client/limits.h"
#include "client/messenger_test_support.h"

namespace qnpc::client::test {
namespace {

class MessengerLog : public MessengerTest {
 protected:
  std::vector<LogEntry>& entries() { return server_.only_log().entries; }
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

TEST_F(MessengerLog, WhatComesBeforeItsChangeIsToldAndStopsNothing) {
  share_a_group({&bob_});
  alice_.want({});
  alice_.say("too early");
  const size_t last = entries().size() - 1;
  std::swap(entries()[last].sequence, entries()[last - 1].sequence);
  std::swap(entries()[last], entries()[last - 1]);
  bob_.sync();
  EXPECT_EQ(bob_.history(), "joined gap");
  EXPECT_FALSE(bob_.group().is_behind);  // it came
  EXPECT_EQ(bob_.authenticator(), alice_.authenticator());
  bob_.say("still here");
  alice_.sync();
  EXPECT_EQ(alice_.conversation(), "too early still here ");
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
