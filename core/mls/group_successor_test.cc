// Groups that follow another, RFC 9420 11.2 and 11.3: made by a member of it, joined by the others.

#include "qnpc/mls/group.h"
#include "tests/support/mls_insider.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;
using test::reject_of;

// What the maker of a successor chooses, right or wrong.
struct Successor {
  ResumptionPskUsage usage{};
  Bytes group_id = {7};
  Extensions extensions = {};
  CipherSuite suite = test::suite_id;
  std::optional<uint64_t> psk_epoch = std::nullopt;  // else the present one
};

class GroupSuccessorTest : public test::GroupOfThree {
 protected:
  NewCommit first_commit(Group& next, const Successor& made, std::vector<KeyPackage> members) {
    PreSharedKeyId id =
        alice.group->resumption_psk_id(made.usage, random.bytes(next.suite().hash_size()));
    if (made.psk_epoch) id.psk_epoch = *made.psk_epoch;
    CommitOptions options{.proposals = {{PreSharedKey{id}}}, .successor_of = made.usage};
    for (KeyPackage& member : members) options.proposals.push_back({Add{std::move(member)}});
    auto psks = [&](const PreSharedKeyId& wanted) {
      return alice.group->resumption_psk(wanted.psk_epoch);
    };
    return next.commit(options, alice.signer, now, random, psks);
  }
  Group create(const Successor& made) {
    return Group::create(suite_of(made.suite), made.group_id, alice.leaf(), made.extensions,
                         alice.signer, random);
  }
  // Alice's Welcome to a group that follows hers.
  Welcome welcome_to(const Successor& made, std::vector<KeyPackage> members) {
    Group next = create(made);
    NewCommit commit = first_commit(next, made, std::move(members));
    return std::get<Welcome>(parse_message(*commit.welcome).content);
  }
  // How Bob, who knows the group before, takes it.
  Group join(const Welcome& welcome, const KeyPackage& package) {
    return Group::join(welcome,
                       {.key_package = package, .keys = bob.keys, .predecessor = &*bob.group});
  }
  void expect_wrong(const Successor& made, std::vector<KeyPackage> members) {
    const KeyPackage bobs = members.front();
    EXPECT_EQ(reject_of([&] { join(welcome_to(made, std::move(members)), bobs); }),
              Reject::wrong_successor);
  }
  void everybody_follows(NewCommit commit) {
    for (Insider* member : {&bob, &carol}) member->follow(commit.message);
    alice.group->merge(std::move(commit.staged));
  }
  KeyPackage named(Insider& who, uint8_t name) {
    return who.key_package([&](auto& kp) { kp.leaf_node.credential.identity = {name}; });
  }
};

TEST_F(GroupSuccessorTest, ABranchIsJoinedByMembersOnly) {
  make_group_of_three();
  KeyPackage b = bob.key_package();
  const Successor branch{.usage = ResumptionPskUsage::branch};
  const Welcome welcome = welcome_to(branch, {b});
  // Not knowing what it branches from.
  EXPECT_EQ(reject_of([&] { Group::join(welcome, {b, bob.keys}); }), Reject::unknown_psk);
  EXPECT_EQ(join(welcome, b).context().epoch, 1u);
  expect_wrong(branch, {b, named(dave, 1)});  // 11.3: with somebody who was not in the group
}

// 11.3: the group that it branches from goes on, and its members read the Welcome when they can.
TEST_F(GroupSuccessorTest, ABranchIsJoinedFromAnEpochThatIsOver) {
  make_group_of_three();
  everybody_follows(alice.commit({{Add{named(dave, 1)}}}));
  KeyPackage b = bob.key_package();
  const Successor branch{.usage = ResumptionPskUsage::branch};
  const Welcome welcome = welcome_to(branch, {b, named(dave, 1)});
  const uint64_t epoch = alice.group->context().epoch;
  const Secret psk = alice.group->resumption_psk();
  everybody_follows(alice.commit({{Remove{LeafIndex{3}}}}));  // who was there when it branched
  everybody_follows(alice.commit({{Add{named(dave, 2)}}}));   // and who was not
  bob.reload();
  EXPECT_EQ(join(welcome, b).context().epoch, 1u);
  Successor then = branch;
  then.psk_epoch = epoch;
  expect_wrong(then, {b, named(dave, 2)});
  // When the epoch is forgotten nobody can tell any more who was there, nor has its PSK.
  for (size_t i = 0; i < limits::mls_past_epochs; ++i) everybody_follows(alice.commit({}));
  EXPECT_EQ(reject_of([&] { join(welcome, b); }), Reject::unknown_psk);
  auto kept = [&](const PreSharedKeyId&) { return std::optional(psk.clone()); };
  JoinInputs inputs{.key_package = b, .keys = bob.keys, .psks = kept};
  inputs.predecessor = &*bob.group;
  EXPECT_EQ(reject_of([&] { Group::join(welcome, inputs); }), Reject::wrong_successor);
}

TEST_F(GroupSuccessorTest, RejectsABranchWithAnotherVersionOrSuite) {
  make_group_of_three();
  KeyPackage other_suite = bob.key_package([](auto& kp) { kp.cipher_suite = CipherSuite{3}; });
  expect_wrong({.usage = ResumptionPskUsage::branch, .suite = CipherSuite{3}}, {other_suite});
  // A GroupInfo of another version is refused before anybody asks what it follows.
  GroupContext context = bob.group->context();
  context.epoch = 1;
  auto tie = bob.group->resumption_psk_id(ResumptionPskUsage::branch, Bytes(32));
  auto validate = [&] {
    validate_successor({tie}, &*bob.group, context, bob.group->tree(), basic_credentials());
  };
  validate();
  context.version = ProtocolVersion{2};
  EXPECT_EQ(reject_of(validate), Reject::wrong_successor);
  context.version = ProtocolVersion::mls10;
  context.epoch = 2;
  EXPECT_EQ(reject_of(validate), Reject::wrong_successor);
}

class ReinitializedTest : public GroupSuccessorTest {
 protected:
  // Alice, Bob, Carol and Dave agree to become that.
  void reinitialize(ReInit to) {
    make_group_of_three();
    everybody_follows(alice.commit({{Add{named(dave, 1)}}}));
    everybody_follows(alice.commit({{std::move(to)}}));
    bobs = bob.key_package();
    everybody = {bobs, carol.key_package(), named(dave, 1)};
  }
  KeyPackage bobs;
  std::vector<KeyPackage> everybody;
};

TEST_F(ReinitializedTest, IsTheGroupThatWasAnnounced) {
  reinitialize({{7}, ProtocolVersion::mls10, test::suite_id, {}});
  EXPECT_FALSE(bob.group->is_active());
  EXPECT_EQ(bob.group->reinit()->group_id, (Bytes{7}));
  const Successor announced{.usage = ResumptionPskUsage::reinit};
  EXPECT_EQ(join(welcome_to(announced, everybody), bobs).context().epoch, 1u);
  Successor wrong = announced;
  wrong.group_id = {8};
  expect_wrong(wrong, everybody);
  wrong = announced;
  wrong.extensions = {{ExtensionType::external_senders, {0}}};
  expect_wrong(wrong, everybody);
  expect_wrong(announced, {bobs, carol.key_package()});  // without Dave
}

TEST_F(ReinitializedTest, RejectsAnotherSuite) {
  reinitialize({{7}, ProtocolVersion::mls10, CipherSuite{3}, {}});
  expect_wrong({.usage = ResumptionPskUsage::reinit}, everybody);
}

TEST_F(ReinitializedTest, RejectsAnotherVersion) {
  reinitialize({{7}, ProtocolVersion{2}, test::suite_id, {}});
  expect_wrong({.usage = ResumptionPskUsage::reinit}, everybody);
}

// 11.2: the epoch after the commit with the ReInit, and none before it.
TEST_F(ReinitializedTest, RejectsAPskOfAnEpochBefore) {
  reinitialize({{7}, ProtocolVersion::mls10, test::suite_id, {}});
  Successor before{.usage = ResumptionPskUsage::reinit};
  before.psk_epoch = alice.group->context().epoch - 1;
  expect_wrong(before, everybody);
}

// 11.2 and 11.3: such a PSK is for the first commit only, also where its maker asks for more.
TEST_F(GroupSuccessorTest, RejectsItsPskInALaterCommit) {
  make_group_of_three();
  for (ResumptionPskUsage usage : {ResumptionPskUsage::branch, ResumptionPskUsage::reinit}) {
    const Successor made{.usage = usage};
    Group next = create(made);
    next.merge(first_commit(next, made, {}).staged);
    EXPECT_EQ(reject_of([&] { first_commit(next, made, {}); }), Reject::bad_psk);
  }
}

}  // namespace
}  // namespace qnpc::mls
