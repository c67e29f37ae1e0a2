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

// A commit of ours that is in force, as if the log had accepted it.
struct Added {
  Bytes commit;
  Bytes welcome;
};

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
  Added commit(const Changes& changes, UnixTime time = now) {
    OwnCommit made = member.commit(changes, time);
    member.enter_pending_commit();
    return {std::move(made.message), std::move(made.welcome)};
  }
  Added add(Bytes key_package, UnixTime time = now) {
    return commit({.add = {std::move(key_package)}}, time);
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

  Bytes key_package() {
    return mls::to_message(make_key_package(identity, default_suite, keys, random_, now));
  }
  void join(View welcome) {
    auto parsed = std::get<mls::Welcome>(mls::parse_message(welcome).content);
    mls::NewKeyPackage own = *find_key_package(parsed, keys);
    group = mls::Group::join(parsed, {.key_package = own.key_package, .keys = own.keys});
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
    bob.member.join_group(alice.add(bob.member.generate_key_package(now)).welcome);
    Added added = alice.add(carol.member.generate_key_package(now));
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
  Added added = alice.add(key_package);
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
  Added added = alice.add(dave.member.generate_key_package(now));
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
  Added added = alice.add(bob.member.generate_key_package(now));
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
  EXPECT_THROW(alice.add(bob.member.generate_key_package(now)), mls::Rejected);
  Person dave(random);
  Bytes key_package = dave.member.generate_key_package(now);
  UnixTime next_year{now.seconds + 365 * 86400};
  EXPECT_THROW(alice.add(key_package, next_year), mls::Rejected);
  EXPECT_EQ(alice.member.epoch_authenticator(), epoch);
  EXPECT_EQ(bob.read(alice.member.send_message(as_view("still here"))), "still here");
}

TEST_F(GroupMemberTest, AWelcomeIsUsedOnceAndByItsOwnerOnly) {
  alice.member.create_group("friends", now);
  Added added = alice.add(bob.member.generate_key_package(now));
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
  Added by_alice = alice.add(dave.member.generate_key_package(now));
  Added by_bob = bob.add(erin.member.generate_key_package(now));
  carol.member.receive_message(by_alice.commit, now);
  EXPECT_THROW(carol.member.receive_message(by_bob.commit, now), mls::Rejected);
  EXPECT_EQ(carol.member.epoch_authenticator(), alice.member.epoch_authenticator());
}

TEST_F(GroupMemberTest, ALeafKeepsItsTokenUntilACommitTellsTheNewOne) {
  const Bytes old_token(32, 1), new_token(32, 2);
  bob.identity = bob.identity.with_inbox_token(old_token);
  alice.member.create_group("friends", now);
  const Joined joined =
      bob.member.join_group(alice.add(bob.member.generate_key_package(now)).welcome);
  EXPECT_EQ(joined.inviter, alice.key());
  bob.identity = bob.identity.with_inbox_token(new_token);
  EXPECT_FALSE(bob.member.has_told_inbox_token());
  alice.member.receive_message(bob.commit({}).commit, now);
  EXPECT_EQ(alice.member.inbox_tokens().at(bob.key()), old_token);
  alice.member.receive_message(bob.commit({.tells_inbox_token = true}).commit, now);
  EXPECT_EQ(alice.member.inbox_tokens().at(bob.key()), new_token);
  EXPECT_TRUE(bob.member.has_told_inbox_token());
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
  EXPECT_EQ(inspect_key_package(key_package).identity, bob.key());
  Added added = alice.add(key_package);
  EXPECT_TRUE(inspect_message(added.welcome).is_welcome);
  MessageInfo info = inspect_message(added.commit);
  EXPECT_TRUE(equal(info.group_id, alice.member.group_id()));
  EXPECT_EQ(info.epoch, 0u);
  EXPECT_TRUE(info.is_commit);
  EXPECT_FALSE(inspect_message(alice.member.send_message(as_view("x"))).is_commit);
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
      mls::sign_content(mls::suite_of(cipher_suite(default_suite)), mls::WireFormat::public_message,
                        {seen.group_id,
                         seen.epoch,
                         {mls::SenderType::new_member_proposal, 0},
                         {},
                         mls::Proposal{mls::Add{key_package}}},
                        unknown, mallory.identity.key_pair());
  Bytes message = mls::to_message(mls::protect_public(mls::suite_of(cipher_suite(default_suite)),
                                                      std::move(proposal), unknown, {}));

  EXPECT_THROW(alice.member.receive_message(message, now), Error);
  alice.add(dave.member.generate_key_package(now));
  EXPECT_EQ(alice.member.members(),
            (std::vector<Bytes>{alice.key(), bob.key(), carol.key(), dave.key()}));
}

TEST_F(GroupMemberTest, RefusesACommitThatHandsALeafToSomebodyElse) {
  Rogue eve(random);
  Person dave(random);
  alice.member.create_group("friends", now);
  eve.join(alice.add(eve.key_package()).welcome);
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
  eve.join(alice.add(eve.key_package()).welcome);
  Bytes before = alice.member.epoch_authenticator();
  mls::CommitOptions reinit{
      .proposals = {
          {mls::ReInit{{1}, mls::ProtocolVersion::mls10, cipher_suite(default_suite), {}}}}};
  mls::NewCommit commit = eve.group->commit(reinit, eve.identity.key_pair(), now, random);
  EXPECT_EQ(reject_of([&] { alice.member.receive_message(commit.message, now); }),
            Reject::reinit_refused);
  EXPECT_EQ(alice.member.epoch_authenticator(), before);
}

TEST_F(GroupMemberTest, RefusesACommitThatChangesTheLog) {
  Rogue eve(random);
  alice.member.create_group("friends", now);
  eve.join(alice.add(eve.key_package()).welcome);
  Bytes before = alice.member.epoch_authenticator();
  mls::GroupContextExtensions other_log{{{group_log_extension, Bytes(32, 7)}}};
  mls::NewCommit commit =
      eve.group->commit({.proposals = {{other_log}}}, eve.identity.key_pair(), now, random);
  EXPECT_EQ(reject_of([&] { alice.member.receive_message(commit.message, now); }),
            Reject::log_changed);
  EXPECT_EQ(alice.member.epoch_authenticator(), before);
}

TEST_F(GroupMemberTest, RefusesAGroupWithoutALog) {
  Rogue eve(random);
  mls::NewKeyPackage own =
      mls::new_key_package(mls::suite_of(cipher_suite(default_suite)),
                           leaf_template(eve.identity, now), eve.identity.key_pair(), random);
  eve.group = mls::Group::create(mls::suite_of(cipher_suite(default_suite)), Bytes(32, 1),
                                 own.key_package.leaf_node, {}, eve.identity.key_pair(), random);
  auto invited =
      std::get<mls::KeyPackage>(mls::parse_message(bob.member.generate_key_package(now)).content);
  mls::NewCommit commit =
      eve.group->commit({.proposals = {{mls::Add{invited}}}}, eve.identity.key_pair(), now, random);
  EXPECT_EQ(reject_of([&] { bob.member.join_group(*commit.welcome); }), Reject::log_missing);
  EXPECT_EQ(bob.keys.records().size(), 1u);
}

TEST_F(GroupMemberTest, OneCommitAddsRemovesAndRenames) {
  make_group_of_three();
  Person dave(random), erin(random);
  Bytes log = alice.member.log_id();
  OwnCommit made = alice.member.commit(
      {.add = {dave.member.generate_key_package(now), erin.member.generate_key_package(now)},
       .remove = {carol.key()},
       .name = "old friends"},
      now);
  EXPECT_EQ(made.added, (std::vector<Bytes>{dave.key(), erin.key()}));
  Received own = alice.member.enter_pending_commit();
  for (const Received& received : {std::move(own), bob.member.receive_message(made.message, now)}) {
    EXPECT_EQ(received.kind, Received::Kind::commit);
    EXPECT_EQ(received.sender, alice.key());
    EXPECT_EQ(received.added.size(), 2u);
    EXPECT_EQ(received.removed, std::vector<Bytes>{carol.key()});
    EXPECT_EQ(received.name, "old friends");
  }
  EXPECT_TRUE(carol.member.receive_message(made.message, now).removed_us);
  EXPECT_FALSE(carol.member.in_group());
  dave.member.join_group(made.welcome);
  erin.member.join_group(made.welcome);
  EXPECT_EQ(erin.member.group_name(), "old friends");
  EXPECT_EQ(erin.member.log_id(), log);
  EXPECT_EQ(alice.read(dave.member.send_message(as_view("hi"))), "hi");
}

TEST_F(GroupMemberTest, WhoLostTheLogMayComeBackInOneCommit) {
  make_group_of_three();
  Added back =
      alice.commit({.add = {carol.member.generate_key_package(now)}, .remove = {carol.key()}});
  bob.member.receive_message(back.commit, now);
  GroupMember again(carol.identity, carol.keys, random);
  again.join_group(back.welcome);
  EXPECT_EQ(again.epoch_authenticator(), bob.member.epoch_authenticator());
  const Received seen = carol.member.receive_message(back.commit, now);
  EXPECT_TRUE(seen.removed_us && seen.adds_us_anew);
  Person dave(random);
  Added instead =
      alice.commit({.add = {dave.member.generate_key_package(now)}, .remove = {bob.key()}});
  const Received other = bob.member.receive_message(instead.commit, now);
  EXPECT_TRUE(other.removed_us && !other.adds_us_anew);
}

TEST_F(GroupMemberTest, ARequestToRejoinIsSignedByWhoComesBack) {
  make_group_of_three();
  Bytes request = carol.member.request_rejoin(now);
  EXPECT_FALSE(inspect_message(request).is_welcome);
  RejoinRequest read = read_rejoin_request(request);
  EXPECT_TRUE(equal(read.group_id, alice.member.group_id()));
  EXPECT_EQ(read.identity, carol.key());
  Added back = alice.commit({.add = {read.key_package}, .remove = {read.identity}});
  GroupMember again(carol.identity, carol.keys, random);
  again.join_group(back.welcome);
  EXPECT_EQ(again.epoch_authenticator(), alice.member.epoch_authenticator());

  for (size_t i : {size_t{10}, request.size() / 2, request.size() - 1}) {
    Bytes altered = request;
    altered[i] ^= 1;
    EXPECT_THROW(read_rejoin_request(altered), Error) << i;
  }
  EXPECT_THROW(read_rejoin_request(alice.member.send_message(as_view("x"))), Error);
}

TEST_F(GroupMemberTest, NobodyRemovesThemselvesOrWhoIsNotThere) {
  make_group_of_three();
  Person dave(random);
  for (const Bytes& identity : {alice.key(), dave.key()}) {
    EXPECT_THROW(alice.member.commit({.remove = {identity}}, now), Error);
    EXPECT_FALSE(alice.member.has_pending_commit());
  }
}

TEST_F(GroupMemberTest, ACommitIsPendingUntilTheLogDecides) {
  make_group_of_three();
  Secret token = alice.member.append_token();
  OwnCommit made = alice.member.commit({}, now);
  alice.restart();
  EXPECT_TRUE(alice.member.has_pending_commit());
  EXPECT_EQ(alice.member.append_token(), token);
  EXPECT_THROW(alice.member.commit({}, now), Error);
  bob.member.receive_message(made.message, now);
  EXPECT_EQ(bob.member.append_token(), made.next_token);
  alice.member.enter_pending_commit();
  EXPECT_EQ(alice.member.append_token(), made.next_token);
  EXPECT_NE(made.next_token, token);
}

TEST_F(GroupMemberTest, AnotherMembersCommitReplacesThePendingOne) {
  make_group_of_three();
  OwnCommit lost = alice.member.commit({}, now);
  Added won = bob.commit({});
  alice.member.receive_message(won.commit, now);
  EXPECT_FALSE(alice.member.has_pending_commit());
  EXPECT_EQ(alice.member.epoch_authenticator(), bob.member.epoch_authenticator());
  EXPECT_EQ(reject_of([&] { bob.member.receive_message(lost.message, now); }), Reject::wrong_epoch);
}

TEST_F(GroupMemberTest, WhoAsksToLeaveIsRemovedByTheNextCommit) {
  make_group_of_three();
  Bytes request = carol.member.propose_leave(now);
  EXPECT_EQ(reject_of([&] { carol.member.send_message(as_view("x")); }), Reject::proposals_pending);
  for (Person* person : {&alice, &bob}) {
    Received received = person->member.receive_message(request, now);
    EXPECT_EQ(received.kind, Received::Kind::leave);
    EXPECT_EQ(received.sender, carol.key());
    EXPECT_EQ(person->member.leaving(), std::vector<Bytes>{carol.key()});
    person->restart();
    EXPECT_EQ(person->member.leaving(), std::vector<Bytes>{carol.key()});
  }
  Added removal = alice.commit({});
  EXPECT_EQ(bob.member.receive_message(removal.commit, now).removed,
            std::vector<Bytes>{carol.key()});
  EXPECT_TRUE(bob.member.leaving().empty());
  EXPECT_TRUE(carol.member.receive_message(removal.commit, now).removed_us);
  EXPECT_EQ(bob.read(alice.member.send_message(as_view("two of us"))), "two of us");
}

TEST_F(GroupMemberTest, OneMembersProposalSilencesNobody) {
  Rogue eve(random);
  alice.member.create_group("friends", now);
  bob.member.join_group(alice.add(bob.member.generate_key_package(now)).welcome);
  Added added = alice.add(eve.key_package());
  bob.member.receive_message(added.commit, now);
  eve.join(added.welcome);

  mls::ReInit reinit{{1}, mls::ProtocolVersion::mls10, cipher_suite(default_suite), {}};
  // Also a removal, of anybody but its sender: 12.2 would not let that one commit it.
  mls::Remove removes_alice{mls::LeafIndex{0}};
  for (const mls::Proposal& unwanted : {mls::Proposal{reinit}, mls::Proposal{removes_alice}}) {
    Bytes proposal = eve.propose(unwanted);
    for (Person* member : {&alice, &bob}) {
      EXPECT_EQ(reject_of([&] { member->member.receive_message(proposal, now); }),
                Reject::proposal_refused);
    }
  }
  EXPECT_EQ(bob.read(alice.member.send_message(as_view("still here"))), "still here");
}

}  // namespace
}  // namespace qnpc::group
