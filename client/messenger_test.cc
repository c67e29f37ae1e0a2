#include "client/messenger.h"

#include <gtest/gtest.h>

#include "client/limits.h"
#include "qnpc/crypto/system_random.h"

namespace qnpc::client {
namespace {

using Kind = HistoryEntry::Kind;

// A person with a state in memory, and the part of the network that a test plays by hand.
class Person {
 public:
  explicit Person(Random& random)
      : state(State::in_memory(random)), messenger(*state, random, clock_) {}

  /// What waits for `other` in the outbox, oldest first; the outbox no longer has it.
  std::vector<Bytes> post_for(Person& other) {
    std::vector<Bytes> out;
    for (int64_t outgoing : state->outbox.waiting()) {
      Bytes payload = to_bytes(state->outbox.payload(outgoing).reveal());
      for (const Delivery& delivery : state->outbox.deliveries(outgoing)) {
        if (!equal(delivery.recipient, other.messenger.identity_key())) continue;
        out.push_back(payload);
        state->outbox.remove(delivery);
      }
    }
    return out;
  }
  void receive(const Bytes& payload) { messenger.receive(server_, ++sequence_, payload); }
  void receive(const std::vector<Bytes>& payloads) {
    for (const Bytes& payload : payloads) receive(payload);
  }
  Bytes key_package() {
    Bytes package = messenger.unpublished_key_package();
    messenger.key_package_published();
    return package;
  }
  Group group() { return state->groups.list().at(0); }

  /// The history in one line: "sent:text received:text added unreadable".
  std::string history() {
    static constexpr const char* names[] = {"",        "sent",   "received",  "added",
                                            "removed", "joined", "unreadable"};
    std::string out;
    state->history.each(false, std::nullopt, [&](const HistoryEntry& entry) {
      out += (out.empty() ? "" : " ") + std::string(names[static_cast<size_t>(entry.kind)]);
      if (entry.kind == Kind::sent || entry.kind == Kind::received) {
        out += ":" + decode_content(entry.content.reveal()).text;
      }
    });
    return out;
  }

  std::unique_ptr<State> state;
  Messenger messenger;

 private:
  static uint64_t now_ms() { return 1'800'000'000'000; }
  inline static const Clock clock_ = now_ms;
  Bytes server_ = Bytes(32, 9);
  uint64_t sequence_ = 0;
};

class MessengerTest : public testing::Test {
 protected:
  void alice_and_bob_share_a_group() {
    alice_.messenger.create_group("friends");
    alice_.messenger.invite(alice_.group(), bob_.key_package());
    bob_.receive(alice_.post_for(bob_));
    bob_.messenger.accept(bob_.group(), "");
  }

  crypto::SystemRandom random_;
  Person alice_{random_}, bob_{random_}, carol_{random_};
};

TEST_F(MessengerTest, Conversation) {
  alice_and_bob_share_a_group();
  alice_.messenger.send(alice_.group(), "hello");
  bob_.receive(alice_.post_for(bob_));
  bob_.messenger.send(bob_.group(), "hi");
  alice_.receive(bob_.post_for(alice_));
  EXPECT_EQ(alice_.history(), "joined added sent:hello received:hi");
  EXPECT_EQ(bob_.history(), "joined received:hello sent:hi");
  EXPECT_EQ(bob_.group().alias, "friends");
}

TEST_F(MessengerTest, SurvivesForgettingEverythingButTheDisk) {
  alice_and_bob_share_a_group();
  for (const char* text : {"one", "two", "three"}) {
    alice_.messenger.forget_groups();
    alice_.messenger.send(alice_.group(), text);
    bob_.messenger.forget_groups();
    bob_.receive(alice_.post_for(bob_));
  }
  EXPECT_EQ(bob_.history(), "joined received:one received:two received:three");
}

TEST_F(MessengerTest, APayloadThatComesAgainIsShownOnce) {
  alice_and_bob_share_a_group();
  alice_.messenger.send(alice_.group(), "once");
  std::vector<Bytes> post = alice_.post_for(bob_);
  bob_.receive(post);
  bob_.receive(post);
  EXPECT_EQ(bob_.history(), "joined received:once");
}

TEST_F(MessengerTest, AMessageBeforeItsInvitationWaitsForIt) {
  alice_.messenger.create_group("friends");
  alice_.messenger.invite(alice_.group(), bob_.key_package());
  std::vector<Bytes> welcome = alice_.post_for(bob_);
  alice_.messenger.send(alice_.group(), "early");
  bob_.receive(alice_.post_for(bob_));
  EXPECT_EQ(bob_.history(), "");
  EXPECT_EQ(bob_.state->early.size(), 1u);
  bob_.receive(welcome);
  EXPECT_EQ(bob_.history(), "joined received:early");
  EXPECT_EQ(bob_.state->early.size(), 0u);
}

TEST_F(MessengerTest, AMessageBeforeItsCommitWaitsForIt) {
  alice_and_bob_share_a_group();
  alice_.messenger.invite(alice_.group(), carol_.key_package());
  carol_.receive(alice_.post_for(carol_));
  std::vector<Bytes> commit = alice_.post_for(bob_);
  carol_.messenger.send(carol_.group(), "hello from the future");
  bob_.receive(carol_.post_for(bob_));
  bob_.receive(commit);
  EXPECT_EQ(bob_.history(), "joined added received:hello from the future");
}

TEST_F(MessengerTest, EarlyMessagesAreBounded) {
  alice_.messenger.create_group("friends");
  alice_.messenger.invite(alice_.group(), bob_.key_package());
  for (size_t i = 0; i <= limits::early_payloads; ++i) {
    alice_.messenger.send(alice_.group(), "flood");
  }
  std::vector<Bytes> post = alice_.post_for(bob_);
  bob_.receive(std::vector<Bytes>(post.begin() + 1, post.end()));
  EXPECT_EQ(bob_.state->early.size(), limits::early_payloads);
  EXPECT_EQ(bob_.history(), "unreadable");
}

TEST_F(MessengerTest, WhatCannotBeReadIsNotedAndStopsNothing) {
  alice_and_bob_share_a_group();
  bob_.receive(to_bytes("no message of anybody"));
  bob_.receive(Bytes{});
  alice_.messenger.send(alice_.group(), "altered");
  Bytes altered = alice_.post_for(bob_).at(0);
  altered.back() ^= 1;
  bob_.receive(altered);
  alice_.messenger.send(alice_.group(), "whole");
  bob_.receive(alice_.post_for(bob_));
  EXPECT_EQ(bob_.history(), "joined unreadable unreadable unreadable received:whole");
}

TEST_F(MessengerTest, TwoInvitationsAtOnceAreShownAsTheForkTheyAre) {
  alice_and_bob_share_a_group();
  Person dave(random_);
  alice_.messenger.invite(alice_.group(), carol_.key_package());
  bob_.messenger.invite(bob_.group(), dave.key_package());
  bob_.receive(alice_.post_for(bob_));
  alice_.receive(bob_.post_for(alice_));
  EXPECT_EQ(alice_.history(), "joined added added unreadable");
  EXPECT_EQ(bob_.history(), "joined added unreadable");
}

TEST_F(MessengerTest, AStepThatFailsLeavesNothing) {
  alice_and_bob_share_a_group();
  Bytes package = carol_.key_package();
  package.back() ^= 1;
  EXPECT_THROW(alice_.messenger.invite(alice_.group(), package), Error);
  EXPECT_TRUE(alice_.state->outbox.waiting().empty());
  alice_.messenger.send(alice_.group(), "still here");
  bob_.receive(alice_.post_for(bob_));
  EXPECT_EQ(bob_.history(), "joined received:still here");
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
  alice_.messenger.invite(alice_.group(), bob_.key_package());
  bob_.receive(alice_.post_for(bob_));
  EXPECT_EQ(bob_.state->groups.list().at(1).alias, "friends-2");
}

}  // namespace
}  // namespace qnpc::client
