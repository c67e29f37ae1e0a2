// Faults that other implementations of MLS had with groups and their trees, one test for each.
// What is tested elsewhere is in the table of docs/mls-rules.md.
#include <gtest/gtest.h>

#include "qnpc/mls/tree_validation.h"
#include "tests/support/mls_insider.h"
#include "tests/support/reason_of.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;
using test::reason_of;
using test::reject_of;

class RegressionGroup : public test::GroupOfThree {
 protected:
  // `by` commits, the others follow.
  void everybody_commits(Insider& by, std::vector<Proposal> proposals,
                         std::initializer_list<Insider*> others) {
    NewCommit commit = by.commit(std::move(proposals));
    for (Insider* other : others) other->follow(commit.message);
    by.group->merge(std::move(commit.staged));
    for (Insider* other : others) {
      EXPECT_EQ(other->group->epoch_authenticator(), by.group->epoch_authenticator());
    }
  }
  std::optional<Reject> reject_of_tree(const std::function<void(RatchetTree&)>& change) {
    RatchetTree tree = alice.group->tree();
    change(tree);
    return reject_of([&] { validate_parent_hashes(Insider::suite(), tree); });
  }
  static void set_parent(RatchetTree& tree, uint32_t node,
                         const std::function<void(ParentNode&)>& change) {
    ParentNode parent = *tree.parent(NodeIndex{node});
    change(parent);
    tree.set_parent(NodeIndex{node}, std::move(parent));
  }
  ExternalJoin external_join(Insider& joiner, std::optional<LeafIndex> replaces = {}) {
    ExternalJoinInputs inputs{.leaf = joiner.leaf(), .signer = joiner.signer, .replaces = replaces};
    return Group::external_join(alice.group->group_info(alice.signer), inputs, now, random);
  }
};

// The leaf's field, a parent's field, a parent's key, and the subtree beside the path.
TEST_F(RegressionGroup, FourKindsOfParentHashError) {
  make_group_of_three();
  everybody_commits(bob, {}, {&alice, &carol});
  everybody_commits(alice, {}, {&bob, &carol});
  ASSERT_NE(alice.group->tree().parent(NodeIndex{1}), nullptr);
  ASSERT_NE(alice.group->tree().parent(NodeIndex{3}), nullptr);
  EXPECT_EQ(reject_of_tree([](auto&) {}), std::nullopt);
  EXPECT_EQ(reject_of_tree([](auto& tree) {
              LeafNode leaf = *tree.leaf(LeafIndex{0});
              leaf.parent_hash[0] ^= 1;
              tree.set_leaf(LeafIndex{0}, leaf);
            }),
            Reject::wrong_parent_hash);
  EXPECT_EQ(reject_of_tree([](auto& tree) {
              set_parent(tree, 1, [](ParentNode& p) { p.parent_hash[0] ^= 1; });
            }),
            Reject::wrong_parent_hash);
  EXPECT_EQ(reject_of_tree([](auto& tree) {
              set_parent(tree, 3, [](ParentNode& p) { p.encryption_key[0] ^= 1; });
            }),
            Reject::wrong_parent_hash);
  EXPECT_EQ(reject_of_tree([](auto& tree) {
              LeafNode leaf = *tree.leaf(LeafIndex{2});
              leaf.extensions.push_back({ExtensionType::application_id, {}});
              tree.set_leaf(LeafIndex{2}, leaf);
            }),
            Reject::wrong_parent_hash);
  // And a leaf that is said to be unmerged although the path was encrypted to it.
  EXPECT_EQ(reject_of_tree([](auto& tree) {
              set_parent(tree, 3, [](ParentNode& p) { p.unmerged_leaves = {LeafIndex{2}}; });
            }),
            Reject::wrong_parent_hash);
}

// While a key stands in the tree nobody can bring it again; when its owner has left it, anybody
// can, and the one who had it does not take the leaf for its own.
TEST_F(RegressionGroup, OwnOldKeyMayComeBackAfterAnUpdate) {
  make_group_of_three();
  Epoch old = carol.epoch();
  const crypto::HpkeKeyPair* key = old.keys.find(node_of(LeafIndex{2}));
  auto dave_with_the_key = [&] {
    KeyPackage out =
        dave.key_package([&](auto& kp) { kp.leaf_node.encryption_key = key->public_key; });
    dave.keys.encryption = {key->private_key.clone(), key->public_key};
    return out;
  };
  Proposal early{Add{dave_with_the_key()}};
  EXPECT_EQ(reject_of([&] { alice.commit({early}); }), Reject::duplicate_encryption_key);
  everybody_commits(carol, {}, {&alice, &bob});
  EXPECT_EQ(carol.epoch().keys.find(node_of(LeafIndex{2}))->public_key,
            carol.group->tree().leaf(LeafIndex{2})->encryption_key);

  KeyPackage package = dave_with_the_key();
  NewCommit add = alice.commit({{Add{package}}});
  bob.follow(add.message);
  carol.follow(add.message);
  alice.group->merge(std::move(add.staged));
  dave.join(package, *add.welcome);
  everybody_commits(bob, {}, {&alice, &carol, &dave});
  everybody_commits(dave, {}, {&alice, &bob, &carol});
}

TEST_F(RegressionGroup, AnExternalCommitMayComeWhileOursIsPending) {
  make_group_of_three();
  NewCommit another = alice.commit({});
  alice.group->set_pending(alice.commit({{Remove{LeafIndex{1}}}}));
  alice.reload();
  ASSERT_NE(alice.group->pending(), nullptr);
  ExternalJoin join = external_join(dave);
  for (Insider* member : {&alice, &bob, &carol}) member->follow(join.message);
  EXPECT_EQ(alice.group->pending(), nullptr);
  alice.reload();
  EXPECT_EQ(alice.group->pending(), nullptr);
  EXPECT_EQ(reason_of([&] { alice.group->merge_pending(); }), Reason::usage);
  EXPECT_EQ(reject_of([&] { alice.group->merge(std::move(another.staged)); }), Reject::wrong_epoch);
  dave.group = std::move(join.group);
  EXPECT_EQ(dave.group->epoch_authenticator(), alice.group->epoch_authenticator());
  everybody_commits(alice, {}, {&bob, &carol, &dave});
}

TEST_F(RegressionGroup, OurRemovalMayComeWhileACommitIsPending) {
  make_group_of_three();
  NewCommit another = alice.commit({{Remove{LeafIndex{1}}}});
  alice.group->set_pending(alice.commit({{Remove{LeafIndex{1}}}}));
  bob.process(alice.group->propose({Remove{LeafIndex{2}}}, alice.signer, now, random));
  NewCommit removal = bob.commit({{Remove{LeafIndex{0}}}});
  alice.follow(removal.message);
  EXPECT_FALSE(alice.group->is_active());
  EXPECT_EQ(alice.group->pending(), nullptr);
  auto before = alice.state();
  EXPECT_EQ(reject_of([&] { alice.group->merge(std::move(another.staged)); }),
            Reject::group_suspended);
  EXPECT_EQ(reject_of([&] { alice.commit({}); }), Reject::group_suspended);
  EXPECT_EQ(alice.state(), before);
}

// Leaf 0, the first external sender, generation 0 and epoch 0 are as good as any other.
TEST_F(RegressionGroup, IndexZeroInEveryRole) {
  Insider service{random};
  make_group_of_three({{ExtensionType::external_senders,
                        codec::encode(ExternalSenders{{service.signer.public_key, {}}})}});
  const LeafIndex zero{0};
  // Sender of text, of a proposal, of a commit, public and private; the one who signs a Welcome.
  auto text = alice.group->protect(as_view("x"), alice.signer, 0, random);
  EXPECT_EQ(std::get<ApplicationMessage>(bob.process(text)).sender_index, zero);
  for (WireFormat format : {WireFormat::public_message, WireFormat::private_message}) {
    Bytes update = alice.group->propose(alice.group->make_update(alice.signer, random),
                                        alice.signer, now, random, format);
    for (Insider* other : {&bob, &carol}) other->process(update);
    NewCommit commit = bob.commit({}, format);
    EXPECT_EQ(commit.staged.updated, std::vector{zero});
    alice.follow(commit.message);
    carol.follow(commit.message);
    bob.group->merge(std::move(commit.staged));
    expect_agreement();
  }
  everybody_commits(alice, {}, {&bob, &carol});
  // Removed, by a proposal of external sender 0 whose message is its first.
  Bytes remove = propose_from_outside(bob.group->context(), {SenderType::external, 0},
                                      {Remove{zero}}, service.signer);
  for (Insider* member : {&alice, &bob, &carol}) member->process(remove);
  NewCommit removal = bob.commit({});
  EXPECT_EQ(removal.staged.removed, std::vector{zero});
  EXPECT_FALSE(std::get<StagedCommit>(alice.process(removal.message)).next.has_value());
  carol.follow(removal.message);
  bob.group->merge(std::move(removal.staged));
  expect_reject(carol, bob.forge_commit({{Proposal{Remove{zero}}}}), Reject::not_a_member);
  // Taken again, by Dave.
  KeyPackage package = dave.key_package();
  NewCommit add = bob.commit({{Add{package}}});
  EXPECT_EQ(add.staged.added, std::vector{zero});
  carol.follow(add.message);
  bob.group->merge(std::move(add.staged));
  dave.join(package, *add.welcome);
  everybody_commits(dave, {}, {&bob, &carol});
}

TEST_F(RegressionGroup, AnExternalCommitMayReplaceLeafZero) {
  make_group_of_three();
  ExternalJoin join = external_join(alice, LeafIndex{0});
  bob.follow(join.message);
  carol.follow(join.message);
  alice.group = std::move(join.group);
  EXPECT_EQ(alice.group->own_leaf(), LeafIndex{0});
  expect_agreement();
}

// All leaves of the left half are blank; the tree keeps its width, and the root is in nobody's
// path.
TEST_F(RegressionGroup, ARootWithAnEmptyLeftSubtree) {
  make_group_of_three();
  KeyPackage package = dave.key_package();
  NewCommit add = carol.commit({{Add{package}}});
  alice.follow(add.message);
  bob.follow(add.message);
  carol.group->merge(std::move(add.staged));
  dave.join(package, *add.welcome);
  everybody_commits(dave, {{Remove{LeafIndex{0}}}, {Remove{LeafIndex{1}}}}, {&carol});
  const RatchetTree& tree = carol.group->tree();
  EXPECT_EQ(tree.width(), 4u);
  EXPECT_TRUE(tree.is_blank(tree.root()));
  EXPECT_TRUE(tree.resolution(NodeIndex{1}).empty());
  EXPECT_EQ(tree.filtered_direct_path(LeafIndex{2}), std::vector{NodeIndex{5}});
  everybody_commits(carol, {}, {&dave});

  // Joining it, by Welcome and from outside, fills it from the left.
  KeyPackage alices = alice.key_package();
  NewCommit welcome = carol.commit({{Add{alices}}});
  dave.follow(welcome.message);
  carol.group->merge(std::move(welcome.staged));
  alice.join(alices, *welcome.welcome);
  EXPECT_EQ(alice.group->own_leaf(), LeafIndex{0});
  everybody_commits(alice, {}, {&carol, &dave});
  ExternalJoin join = external_join(bob);
  for (Insider* member : {&alice, &carol, &dave}) member->follow(join.message);
  bob.group = std::move(join.group);
  EXPECT_EQ(bob.group->own_leaf(), LeafIndex{1});
  everybody_commits(bob, {}, {&alice, &carol, &dave});
}

// 2^31 is the first leaf whose node index does not fit 32 bits: twice it is 0.
TEST_F(RegressionGroup, LeafIndexTwoToThe31InEveryRole) {
  make_group_of_three();
  const LeafIndex far{1u << 31};
  EXPECT_EQ(alice.group->tree().leaf(far), nullptr);
  EXPECT_EQ(reject_of([&] { external_join(dave, far); }), Reject::not_a_member);
  EXPECT_EQ(reject_of([&] { alice.commit({{Remove{far}}}); }), Reject::not_a_member);
  Bytes honest = alice.commit({}).message;
  expect_reject(bob, alice.forge(honest, [&](auto& c) { c.sender.index = value(far); }),
                Reject::unknown_sender);
  Bytes proposal = alice.group->propose({Remove{LeafIndex{2}}}, alice.signer, now, random,
                                        WireFormat::public_message);
  expect_reject(bob, alice.forge(proposal, [&](auto& c) { c.sender.index = value(far); }),
                Reject::unknown_sender);
}

}  // namespace
}  // namespace qnpc::mls
