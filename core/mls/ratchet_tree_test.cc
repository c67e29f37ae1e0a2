// RFC 9420 sections 4 and 7: what the operations do to a tree, and which encodings are none.
#include "qnpc/mls/ratchet_tree.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "qnpc/mls/tree_kem.h"
#include "qnpc/mls/tree_validation.h"
#include "tests/support/reject_of.h"
#include "tests/support/seeded_random.h"

namespace qnpc::mls {
namespace {

using test::reject_of;

const Suite& suite() { return suite_of(CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519); }

LeafNode leaf_named(uint8_t name) {
  LeafNode out;
  out.encryption_key = Bytes(32, name);
  out.signature_key = Bytes(32, name);
  return out;
}

RatchetTree tree_of(uint8_t leaves) {
  RatchetTree tree;
  for (uint8_t i = 0; i < leaves; ++i) tree.add_leaf(leaf_named(i));
  return tree;
}

ParentNode parent_with(std::vector<LeafIndex> unmerged = {}) {
  return {Bytes(32, 0xee), {}, std::move(unmerged)};
}

std::vector<NodeIndex> nodes(std::initializer_list<uint32_t> indexes) {
  std::vector<NodeIndex> out;
  for (uint32_t i : indexes) out.push_back(NodeIndex{i});
  return out;
}

TEST(RatchetTree, AddTakesTheLeftmostBlankLeaf) {
  RatchetTree tree = tree_of(4);
  EXPECT_EQ(tree.width(), 4u);
  EXPECT_EQ(tree.add_leaf(leaf_named(9)), LeafIndex{4});
  EXPECT_EQ(tree.width(), 8u);
  tree.remove_leaf(LeafIndex{1});
  EXPECT_EQ(tree.add_leaf(leaf_named(9)), LeafIndex{1});
}

// What a tree knows of its keys, counted again from all of its nodes.
void expect_keys_of(const RatchetTree& tree) {
  std::multiset<uint8_t> encryption_keys, signature_keys;
  std::map<CredentialType, uint32_t> types;
  for (uint32_t i = 0; i < node_count(tree.width()); ++i) {
    if (const ParentNode* parent = tree.parent(NodeIndex{i})) {
      encryption_keys.insert(parent->encryption_key[0]);
    }
  }
  for (LeafIndex index : tree.members()) {
    const LeafNode& leaf = *tree.leaf(index);
    encryption_keys.insert(leaf.encryption_key[0]);
    signature_keys.insert(leaf.signature_key[0]);
    ++types[leaf.credential.credential_type];
  }
  auto differ = [](const std::multiset<uint8_t>& keys) {
    return std::set<uint8_t>(keys.begin(), keys.end()).size() == keys.size();
  };
  ASSERT_EQ(tree.encryption_keys_differ(), differ(encryption_keys));
  ASSERT_EQ(tree.signature_keys_differ(), differ(signature_keys));
  ASSERT_EQ(tree.credential_types(), types);
  for (uint8_t name = 0; name < 60; ++name) {
    ASSERT_EQ(tree.has_encryption_key(Bytes(32, name)), encryption_keys.contains(name));
    ASSERT_EQ(tree.has_signature_key(Bytes(32, name)), signature_keys.contains(name));
  }
}

TEST(RatchetTree, KnowsItsKeysUnderRandomOperations) {
  test::SeededRandom random(5);
  auto some_leaf = [&] {
    LeafNode leaf = leaf_named(static_cast<uint8_t>(random.below(60)));
    leaf.signature_key = Bytes(32, static_cast<uint8_t>(random.below(60)));
    if (random.one_in(20)) leaf.credential.credential_type = CredentialType::x509;
    return leaf;
  };
  RatchetTree tree;
  RatchetTree kept = tree;
  for (int step = 0; step < 3000; ++step) {
    std::vector<LeafIndex> members = tree.members();
    size_t what = random.below(6);
    if (members.empty() || (what < 2 && members.size() < 40)) {
      tree.add_leaf(some_leaf());
    } else if (what == 2) {
      tree.remove_leaf(random.pick(members));
    } else if (what == 3) {
      tree.update_leaf(random.pick(members), some_leaf());
    } else if (uint32_t parents = value(members.back());
               parents > 0) {  // none without a right side
      NodeIndex node{2 * static_cast<uint32_t>(random.below(parents)) + 1};
      if (what == 4) tree.set_parent(node, {Bytes(32, static_cast<uint8_t>(step % 60)), {}, {}});
      if (what == 5) tree.blank(node);
    }
    expect_keys_of(tree);
    if (step % 50 == 0) {
      expect_keys_of(kept);
      kept = tree;
    }
    if (step % 10 == 0 && !tree.members().empty()) {
      EXPECT_EQ(codec::decode<RatchetTree>(codec::encode(tree)).tree_hash(suite()),
                tree.tree_hash(suite()));
    }
  }
}

// No commit leaves such a parent, but a tree that we are given may hold one.
TEST(RatchetTree, TruncationForgetsTheKeyOfAParentThatItCutsOff) {
  RatchetTree tree = tree_of(5);
  tree.remove_leaf(LeafIndex{3});
  tree.remove_leaf(LeafIndex{2});
  tree.set_parent(NodeIndex{3}, {Bytes(32, 0x77), {}, {}});
  EXPECT_TRUE(tree.has_encryption_key(Bytes(32, 0x77)));
  tree.remove_leaf(LeafIndex{4});
  EXPECT_EQ(tree.width(), 2u);
  EXPECT_FALSE(tree.has_encryption_key(Bytes(32, 0x77)));
}

TEST(RatchetTree, AddIsUnmergedAtEveryNodeAbove) {
  RatchetTree tree = tree_of(3);
  tree.set_parent(NodeIndex{3}, parent_with());
  tree.add_leaf(leaf_named(9));
  EXPECT_EQ(tree.parent(NodeIndex{3})->unmerged_leaves, std::vector{LeafIndex{3}});
  EXPECT_EQ(tree.resolution(NodeIndex{3}), nodes({3, 6}));
}

TEST(RatchetTree, UpdateAndRemoveBlankTheDirectPath) {
  for (bool update : {true, false}) {
    RatchetTree tree = tree_of(4);
    for (uint32_t node : {1, 3, 5}) tree.set_parent(NodeIndex{node}, parent_with());
    if (update) {
      tree.update_leaf(LeafIndex{0}, leaf_named(9));
    } else {
      tree.remove_leaf(LeafIndex{0});
    }
    EXPECT_TRUE(tree.is_blank(NodeIndex{1}));
    EXPECT_TRUE(tree.is_blank(NodeIndex{3}));
    EXPECT_FALSE(tree.is_blank(NodeIndex{5}));
    EXPECT_EQ(tree.is_blank(NodeIndex{0}), !update);
  }
}

TEST(RatchetTree, RemoveTruncatesAsFarAsTheRightHalfIsBlank) {
  RatchetTree tree = tree_of(5);
  tree.remove_leaf(LeafIndex{3});
  EXPECT_EQ(tree.width(), 8u);
  tree.remove_leaf(LeafIndex{2});
  tree.remove_leaf(LeafIndex{4});
  EXPECT_EQ(tree.width(), 2u);
}

TEST(RatchetTree, ResolutionAndFilteredPathSkipBlanks) {
  RatchetTree tree = tree_of(8);
  for (uint32_t leaf : {4, 5, 6}) tree.remove_leaf(LeafIndex{leaf});
  EXPECT_EQ(tree.resolution(NodeIndex{11}), nodes({14}));
  EXPECT_EQ(tree.resolution(NodeIndex{9}), nodes({}));
  EXPECT_EQ(tree.filtered_direct_path(LeafIndex{7}), nodes({7}));
  EXPECT_EQ(tree.filtered_direct_path(LeafIndex{0}), nodes({1, 3, 7}));
}

TEST(RatchetTree, HashFollowsEveryChange) {
  RatchetTree tree = tree_of(6);
  RatchetTree copy = tree;
  const Bytes before = tree.tree_hash(suite());
  copy.update_leaf(LeafIndex{5}, leaf_named(99));
  EXPECT_NE(copy.tree_hash(suite()), before);
  EXPECT_EQ(tree.tree_hash(suite()), before);
  copy.update_leaf(LeafIndex{5}, leaf_named(5));
  EXPECT_EQ(copy.tree_hash(suite()), before);
}

TEST(RatchetTree, ReadsWhatItWrote) {
  RatchetTree tree = tree_of(5);
  tree.set_parent(NodeIndex{3}, parent_with({LeafIndex{2}}));
  const Bytes bytes = codec::encode(tree);
  auto again = codec::decode<RatchetTree>(bytes);
  EXPECT_EQ(again.width(), 8u);
  EXPECT_EQ(codec::encode(again), bytes);
  EXPECT_EQ(again.tree_hash(suite()), tree.tree_hash(suite()));
}

Bytes encoded_nodes(const std::function<void(codec::Writer&)>& body) {
  codec::Writer w;
  w.vector(body);
  return w.take();
}

TEST(RatchetTree, RejectsWhatIsNoTree) {
  const LeafNode leaf = leaf_named(1);
  auto write_leaf = [&](codec::Writer& w) {
    w.u8(1);
    codec::write(w, NodeType::leaf);
    codec::write(w, leaf);
  };
  const std::function<void(codec::Writer&)> bodies[] = {
      [](codec::Writer&) {},              // no node
      [](codec::Writer& w) { w.u8(0); },  // the last is blank
      [&](codec::Writer& w) {             // likewise
        write_leaf(w);
        w.u8(0);
      },
      [&](codec::Writer& w) {  // a leaf where a parent stands
        write_leaf(w);
        write_leaf(w);
      },
      [&](codec::Writer& w) {  // an even number of nodes: a parent has nothing to its right
        write_leaf(w);
        w.u8(1);
        codec::write(w, NodeType::parent);
        codec::write(w, parent_with());
      },
      [](codec::Writer& w) {  // a parent where a leaf stands
        w.u8(1);
        codec::write(w, NodeType::parent);
        codec::write(w, parent_with());
      },
      [](codec::Writer& w) { w.u8(2); }};  // neither there nor not
  for (const auto& body : bodies) {
    const Bytes bytes = encoded_nodes(body);
    EXPECT_EQ(reject_of([&] { codec::decode<RatchetTree>(bytes); }), Reject::malformed_tree)
        << to_hex(bytes);
  }
}

TEST(RatchetTree, RejectsMoreNodesThanTheWidestTree) {
  const Bytes bytes = encoded_nodes([](codec::Writer& w) {
    for (uint32_t i = 0; i <= node_count(limits::mls_members); ++i) w.u8(0);
  });
  EXPECT_EQ(reject_of([&] { codec::decode<RatchetTree>(bytes); }), Reject::tree_too_large);
}

TEST(RatchetTree, RejectsMoreMembersThanTheWidestTree) {
  RatchetTree tree;
  EXPECT_EQ(reject_of([&] { tree.extend_to(LeafIndex{limits::mls_members}); }),
            Reject::tree_too_large);
  EXPECT_EQ(tree.width(), 1u);
  for (uint32_t i = 0; i < limits::mls_members; ++i) tree.add_leaf(leaf_named(1));
  EXPECT_EQ(reject_of([&] { tree.add_leaf(leaf_named(1)); }), Reject::tree_too_large);
  tree.remove_leaf(LeafIndex{7});
  EXPECT_EQ(tree.add_leaf(leaf_named(1)), LeafIndex{7});
}

TEST(TreeValidation, RejectsBadUnmergedLeaves) {
  const std::vector<LeafIndex> bad[] = {{LeafIndex{1}, LeafIndex{0}},  // not ascending
                                        {LeafIndex{0}, LeafIndex{0}},  // twice
                                        {LeafIndex{3}},                // blank
                                        {LeafIndex{70'000}},           // outside of the tree
                                        {LeafIndex{0x8000'0000}}};     // whose node index wraps
  for (const auto& unmerged : bad) {
    RatchetTree tree = tree_of(3);
    tree.set_parent(NodeIndex{3}, parent_with(unmerged));
    EXPECT_EQ(reject_of([&] { validate_unmerged_leaves(tree); }), Reject::bad_unmerged_leaves);
  }
  RatchetTree outside = tree_of(3);
  outside.set_parent(NodeIndex{1}, parent_with({LeafIndex{2}}));
  EXPECT_EQ(reject_of([&] { validate_unmerged_leaves(outside); }), Reject::bad_unmerged_leaves);
}

TEST(TreeValidation, RejectsALeafMergedBelowAndUnmergedAbove) {
  RatchetTree tree = tree_of(4);
  tree.set_parent(NodeIndex{1}, parent_with());
  tree.set_parent(NodeIndex{3}, parent_with({LeafIndex{0}}));
  EXPECT_EQ(reject_of([&] { validate_unmerged_leaves(tree); }), Reject::bad_unmerged_leaves);
}

TEST(TreeValidation, RejectsAParentThatNobodyCommitted) {
  RatchetTree tree = tree_of(4);
  tree.set_parent(NodeIndex{1}, parent_with());
  EXPECT_EQ(reject_of([&] { validate_parent_hashes(suite(), tree); }), Reject::wrong_parent_hash);
}

TEST(TreeValidation, AcceptsPathsOfEverybody) {
  RatchetTree tree = tree_of(7);
  uint8_t key = 100;
  for (LeafIndex sender : tree.members()) {
    std::vector<Bytes> keys;
    for (size_t i = 0; i < tree.filtered_direct_path(sender).size(); ++i) {
      keys.push_back(Bytes(32, key++));
    }
    LeafNode leaf = *tree.leaf(sender);
    leaf.leaf_node_source = LeafNodeSource::commit;
    leaf.parent_hash = set_path(suite(), tree, sender, keys);
    tree.set_leaf(sender, leaf);
    EXPECT_NO_THROW(validate_parent_hashes(suite(), tree)) << value(sender);
  }
  ParentNode changed = *tree.parent(NodeIndex{7});
  changed.encryption_key[0] ^= 1;
  tree.set_parent(NodeIndex{7}, changed);
  EXPECT_EQ(reject_of([&] { validate_parent_hashes(suite(), tree); }), Reject::wrong_parent_hash);
}

}  // namespace
}  // namespace qnpc::mls
