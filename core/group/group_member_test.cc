#include "qnpc/group/group_member.h"

#include <gtest/gtest.h>

#include "qnpc/crypto/system_random.h"
#include "qnpc/group/key_package.h"
#include "qnpc/mls/group.h"
#include "tests/support/reject_of.h"

namespace qnpc::group {
namespace {

using mls::Reject;
using test::reject_of;

constexpr UnixTime now{1'800'000'000};

class Person {
 public:
  explicit Person(Random& random)
      : identity(Identity::generate(random)), member(identity, keys, random), random_(random) {}

  Bytes key() const { return to_bytes(identity.identity_key()); }
  std::string read(View message) {
    Received received = member.receive_message(message, now);
    EXPECT_EQ(received.kind, Received::Kind::application);
    return to_text(received.plaintext.reveal());
  }
  // As after a restart: only what was stored is left.
  void restart() {
    member.save(storage);
    member = GroupMember::load(identity, keys, random_, storage);
  }

  Identity identity;
  MemoryStorage keys;
  MemoryStorage storage;
  GroupMember member;

 private:
  Random& random_;
};

// A member who keeps to RFC 9420 and not to our rules.
class Rogue {
 public:
  explicit Rogue(Random& random) : identity(Identity::generate(random)), random_(random) {}

  Bytes key_package() { return mls::to_message(make_key_package(identity, keys, random_, now)); }
  void join(View welcome) {
    auto parsed = std::get<mls::Welcome>(mls::parse_message(welcome).content);
    OwnKeyPackage own = *find_key_package(parsed, keys);
    group = mls::Group::join(parsed, {.key_package = own.key_package, .keys = own.private_keys});
  }
  void process(View message) {
    mls::Processed processed = group->process(mls::parse_message(message), now);
    if (auto* commit = std::get_if<mls::StagedCommit>(&processed)) group->merge(std::move(*commit));
  }
  Bytes propose(mls::Proposal proposal) {
    return group->propose(std::move(proposal), identity.key_pair(), now, random_);
  }

  Identity identity;
  MemoryStorage keys;
  std::optional<mls::Group> group;

 private:
  Random& random_;
};

class GroupMemberTest : public testing::Test {
 protected:
  crypto::SystemRandom random;
  Person alice{random};
  Person bob{random};
  Person carol{random};

  // Alice makes the group and adds Bob, then Carol.
  void make_group_of_three() {
    alice.member.create_group("friends", now);
    bob.member.join_group(
        alice.member.add_member(bob.member.generate_key_package(now), now).welcome);
    Added added = alice.member.add_member(carol.member.generate_key_package(now), now);
    bob.member.receive_message(added.commit, now);
    carol.member.join_group(added.welcome);
  }
};

TEST_F(GroupMemberTest, ThreePeopleTalk) {
  make_group_of_three();
  EXPECT_EQ(carol.member.group_name(), "friends");
  EXPECT_EQ(carol.member.members(), (std::vector<Bytes>{alice.key(), bob.key(), carol.key()}));
  EXPECT_EQ(alice.member.epoch_authenticator(), carol.member.epoch_authenticator());
  EXPECT_EQ(bob.member.epoch_authenticator(), carol.member.epoch_authenticator());

  Bytes from_alice = alice.member.send_message(as_view("hello"));
  EXPECT_EQ(bob.read(from_alice), "hello");
  EXPECT_EQ(carol.read(from_alice), "hello");
  Bytes from_carol = carol.member.send_message(as_view("hi"));
  EXPECT_EQ(alice.read(from_carol), "hi");
  Received received = bob.member.receive_message(from_carol, now);
  EXPECT_EQ(received.sender, carol.key());
}

TEST_F(GroupMemberTest, EverythingSurvivesRestarts) {
  alice.member.create_group("friends", now);
  Bytes key_package = bob.member.generate_key_package(now);
  Added added = alice.member.add_member(key_package, now);
  bob.member = GroupMember(bob.identity, bob.keys, random);  // register, restart, join
  bob.member.join_group(added.welcome);
  for (int i = 0; i < 3; ++i) {
    alice.restart();
    bob.restart();
    EXPECT_EQ(bob.read(alice.member.send_message(as_view("a"))), "a");
    EXPECT_EQ(alice.read(bob.member.send_message(as_view("b"))), "b");
  }
}

TEST_F(GroupMemberTest, AMessageOfTheEpochBeforeStillOpens) {
  make_group_of_three();
  Bytes late = bob.member.send_message(as_view("late"));
  Person dave(random);
  Added added = alice.member.add_member(dave.member.generate_key_package(now), now);
  carol.member.receive_message(added.commit, now);
  alice.restart();
  EXPECT_EQ(alice.read(late), "late");
  EXPECT_EQ(carol.read(late), "late");
  dave.member.join_group(added.welcome);
  EXPECT_THROW(dave.member.receive_message(late, now), mls::Rejected);
}

TEST_F(GroupMemberTest, ALateJoinerCannotReadWhatCameBefore) {
  alice.member.create_group("friends", now);
  Bytes early = alice.member.send_message(as_view("before"));
  Added added = alice.member.add_member(bob.member.generate_key_package(now), now);
  bob.member.join_group(added.welcome);
  EXPECT_THROW(bob.member.receive_message(early, now), mls::Rejected);
}

TEST_F(GroupMemberTest, AReplayIsRefusedAlsoAfterARestart) {
  make_group_of_three();
  Bytes message = alice.member.send_message(as_view("once"));
  EXPECT_EQ(bob.read(message), "once");
  EXPECT_THROW(bob.member.receive_message(message, now), mls::Rejected);
  bob.restart();
  EXPECT_THROW(bob.member.receive_message(message, now), mls::Rejected);
}

TEST_F(GroupMemberTest, ACorruptedMessageBurnsNoKey) {
  make_group_of_three();
  Bytes message = alice.member.send_message(as_view("genuine"));
  Bytes corrupted = message;
  corrupted.back() ^= 1;
  EXPECT_THROW(bob.member.receive_message(corrupted, now), Error);
  EXPECT_EQ(bob.read(message), "genuine");
}

TEST_F(GroupMemberTest, MessagesMayArriveInAnyOrder) {
  make_group_of_three();
  std::vector<Bytes> messages;
  for (char c = '0'; c <= '9'; ++c) {
    messages.push_back(alice.member.send_message(View(reinterpret_cast<uint8_t*>(&c), 1)));
  }
  for (int i : {9, 0, 5, 4, 8, 1, 7, 2, 6, 3}) {
    EXPECT_EQ(bob.read(messages[static_cast<size_t>(i)]),
              std::string(1, static_cast<char>('0' + i)));
  }
}

TEST_F(GroupMemberTest, RefusesWhoIsThereAlreadyAndWhatHasExpired) {
  make_group_of_three();
  Bytes epoch = alice.member.epoch_authenticator();
  EXPECT_THROW(alice.member.add_member(bob.member.generate_key_package(now), now), mls::Rejected);
  Person dave(random);
  Bytes key_package = dave.member.generate_key_package(now);
  UnixTime next_year{now.seconds + 365 * 86400};
  EXPECT_THROW(alice.member.add_member(key_package, next_year), mls::Rejected);
  EXPECT_EQ(alice.member.epoch_authenticator(), epoch);
  EXPECT_EQ(bob.read(alice.member.send_message(as_view("still here"))), "still here");
}

TEST_F(GroupMemberTest, AWelcomeIsUsedOnceAndByItsOwnerOnly) {
  alice.member.create_group("friends", now);
  Added added = alice.member.add_member(bob.member.generate_key_package(now), now);
  EXPECT_THROW(carol.member.join_group(added.welcome), Error);
  bob.member.join_group(added.welcome);
  EXPECT_EQ(bob.keys.records().size(), 0u);
  GroupMember again(bob.identity, bob.keys, random);
  EXPECT_THROW(again.join_group(added.welcome), Error);
}

TEST_F(GroupMemberTest, CommitsOfTwoAtOnceAreToldApart) {
  make_group_of_three();
  Person dave(random);
  Person erin(random);
  Added by_alice = alice.member.add_member(dave.member.generate_key_package(now), now);
  Added by_bob = bob.member.add_member(erin.member.generate_key_package(now), now);
  carol.member.receive_message(by_alice.commit, now);
  EXPECT_THROW(carol.member.receive_message(by_bob.commit, now), mls::Rejected);
  EXPECT_EQ(carol.member.epoch_authenticator(), alice.member.epoch_authenticator());
}

TEST_F(GroupMemberTest, MessagesArePaddedToBuckets) {
  make_group_of_three();
  size_t one = alice.member.send_message(as_view("a")).size();
  size_t other = alice.member.send_message(as_view(std::string(200, 'b'))).size();
  EXPECT_EQ(one, other);
}

TEST_F(GroupMemberTest, InspectTellsWhereAMessageBelongs) {
  alice.member.create_group("friends", now);
  Bytes key_package = bob.member.generate_key_package(now);
  EXPECT_EQ(key_package_identity(key_package), bob.key());
  Added added = alice.member.add_member(key_package, now);
  EXPECT_TRUE(inspect_message(added.welcome).is_welcome);
  MessageInfo info = inspect_message(added.commit);
  EXPECT_TRUE(equal(info.group_id, alice.member.group_id()));
  EXPECT_EQ(info.epoch, 0u);
  EXPECT_THROW(inspect_message(key_package), Error);
  EXPECT_THROW(inspect_message(as_view("nonsense")), Error);
}

// RFC 9420 12.1.8.1 lets whoever knows group id and epoch, as the server does, propose an addition.
TEST_F(GroupMemberTest, AServerCannotProposeAMemberOfItsOwn) {
  make_group_of_three();
  Person mallory(random);
  Person dave(random);
  MessageInfo seen = inspect_message(alice.member.send_message(as_view("x")));
  auto key_package = std::get<mls::KeyPackage>(
      mls::parse_message(mallory.member.generate_key_package(now)).content);
  mls::GroupContext unknown;
  mls::AuthenticatedContent proposal =
      mls::sign_content(mls::suite_of(default_suite), mls::WireFormat::public_message,
                        {seen.group_id,
                         seen.epoch,
                         {mls::SenderType::new_member_proposal, 0},
                         {},
                         mls::Proposal{mls::Add{key_package}}},
                        unknown, mallory.identity.key_pair());
  Bytes message = mls::to_message(
      mls::protect_public(mls::suite_of(default_suite), std::move(proposal), unknown, {}));

  EXPECT_THROW(alice.member.receive_message(message, now), Error);
  alice.member.add_member(dave.member.generate_key_package(now), now);
  EXPECT_EQ(alice.member.members(),
            (std::vector<Bytes>{alice.key(), bob.key(), carol.key(), dave.key()}));
}

TEST_F(GroupMemberTest, RefusesACommitThatHandsALeafToSomebodyElse) {
  Rogue eve(random);
  Person dave(random);
  alice.member.create_group("friends", now);
  eve.join(alice.member.add_member(eve.key_package(), now).welcome);
  Bytes before = alice.member.epoch_authenticator();

  mls::CommitOptions hand_over{.new_signer = &dave.identity.key_pair()};
  mls::NewCommit commit = eve.group->commit(hand_over, eve.identity.key_pair(), now, random);
  EXPECT_EQ(reject_of([&] { alice.member.receive_message(commit.message, now); }),
            Reject::credential_mismatch);
  EXPECT_EQ(alice.member.epoch_authenticator(), before);
}

TEST_F(GroupMemberTest, RefusesACommitThatReplacesTheGroup) {
  Rogue eve(random);
  alice.member.create_group("friends", now);
  eve.join(alice.member.add_member(eve.key_package(), now).welcome);
  Bytes before = alice.member.epoch_authenticator();
  mls::CommitOptions reinit{
      .proposals = {{mls::ReInit{{1}, mls::ProtocolVersion::mls10, default_suite, {}}}}};
  mls::NewCommit commit = eve.group->commit(reinit, eve.identity.key_pair(), now, random);
  EXPECT_EQ(reject_of([&] { alice.member.receive_message(commit.message, now); }),
            Reject::reinit_refused);
  EXPECT_EQ(alice.member.epoch_authenticator(), before);
}

TEST_F(GroupMemberTest, OneMembersProposalSilencesNobody) {
  Rogue eve(random);
  alice.member.create_group("friends", now);
  bob.member.join_group(alice.member.add_member(bob.member.generate_key_package(now), now).welcome);
  Added added = alice.member.add_member(eve.key_package(), now);
  bob.member.receive_message(added.commit, now);
  eve.join(added.welcome);

  mls::ReInit reinit{{1}, mls::ProtocolVersion::mls10, default_suite, {}};
  Bytes proposal = eve.propose({reinit});
  for (Person* member : {&alice, &bob}) {
    EXPECT_EQ(reject_of([&] { member->member.receive_message(proposal, now); }),
              Reject::proposal_refused);
  }
  EXPECT_EQ(bob.read(alice.member.send_message(as_view("still here"))), "still here");
}

}  // namespace
}  // namespace qnpc::group
