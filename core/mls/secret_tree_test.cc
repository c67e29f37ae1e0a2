// RFC 9420 section 9: which keys can be had, once, and what is left when they are gone.
#include "qnpc/mls/secret_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::reject_of;

const Suite& suite() { return suite_of(CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519); }

SecretTree tree_of(uint32_t width, RatchetWindow window = {}) {
  return {suite(), width, Secret::copy_of(Bytes(32, 7)), window};
}

constexpr LeafIndex leaf{1};
constexpr auto application = RatchetType::application;

void use(SecretTree& tree, uint32_t generation) {
  tree.consume(tree.find(leaf, application, generation));
}

// All that a storage would hold of it.
Bytes state(SecretTree& tree) {
  MemoryStorage storage;
  tree.mark_unsaved();
  tree.save(storage, "");
  Bytes out;
  for (const auto& [name, record] : storage.records()) {
    append(out, as_view(name));
    append(out, record.reveal());
  }
  return out;
}

TEST(SecretTree, SenderAndReceiverFindTheSameKeysInAnyOrder) {
  SecretTree sender = tree_of(4);
  SecretTree receiver = tree_of(4);
  std::vector<MessageKey> sent;
  for (uint32_t i = 0; i < 20; ++i) {
    sent.push_back(sender.next(leaf, application));
    EXPECT_EQ(sent.back().generation, i);
  }
  for (uint32_t i = 0; i < 20; ++i) {
    uint32_t generation = (i * 7 + 3) % 20;
    SecretTree::Found found = receiver.find(leaf, application, generation);
    EXPECT_EQ(found.key.key, sent[generation].key) << generation;
    EXPECT_EQ(found.key.nonce, sent[generation].nonce) << generation;
    receiver.consume(std::move(found));
  }
  EXPECT_EQ(receiver.next_generation(leaf, application), 20u);
}

TEST(SecretTree, EveryLeafAndKindHasItsOwnKeys) {
  SecretTree tree = tree_of(8);
  std::set<Bytes> keys;
  for (uint32_t i = 0; i < 8; ++i) {
    for (RatchetType type : {RatchetType::handshake, application}) {
      keys.insert(to_bytes(tree.next(LeafIndex{i}, type).key.reveal()));
    }
  }
  EXPECT_EQ(keys.size(), 16u);
}

TEST(SecretTree, FindChangesNothing) {
  SecretTree tree = tree_of(4);
  use(tree, 2);
  const Bytes before = state(tree);
  for (uint32_t generation : {0u, 1u, 3u, 50u}) tree.find(leaf, application, generation);
  EXPECT_EQ(state(tree), before);
}

TEST(SecretTree, CountsWhatAMessageSkips) {
  SecretTree tree = tree_of(4);
  const std::pair<uint32_t, uint32_t> expected[] = {{2, 2}, {0, 0}, {3, 0}, {5, 1}, {905, 899}};
  for (const auto& [generation, skipped] : expected) {
    EXPECT_EQ(tree.find(leaf, application, generation).skipped, skipped) << generation;
    use(tree, generation);
  }
}

TEST(SecretTree, RejectsAUsedGeneration) {
  SecretTree tree = tree_of(4);
  use(tree, 5);
  use(tree, 3);
  for (uint32_t used : {3u, 5u}) {
    EXPECT_EQ(reject_of([&] { tree.find(leaf, application, used); }), Reject::generation_used);
  }
  EXPECT_NO_THROW(use(tree, 4));
}

TEST(SecretTree, RejectsAGenerationTooFarAhead) {
  SecretTree tree = tree_of(4, {.forward = 10, .kept = 4});
  EXPECT_EQ(reject_of([&] { tree.find(leaf, application, 11); }), Reject::generation_too_far);
  EXPECT_NO_THROW(use(tree, 10));
  EXPECT_EQ(reject_of([&] { tree.find(leaf, application, 22); }), Reject::generation_too_far);
  EXPECT_NO_THROW(use(tree, 21));
}

TEST(SecretTree, KeepsOnlyTheLatestSkippedKeys) {
  SecretTree tree = tree_of(4, {.forward = 100, .kept = 4});
  use(tree, 10);  // keeps 6 to 9
  EXPECT_EQ(reject_of([&] { tree.find(leaf, application, 5); }), Reject::generation_used);
  EXPECT_NO_THROW(use(tree, 6));
  use(tree, 13);  // keeps 8, 9, 11 and 12
  EXPECT_EQ(reject_of([&] { tree.find(leaf, application, 7); }), Reject::generation_used);
  for (uint32_t kept : {8u, 9u, 11u, 12u}) EXPECT_NO_THROW(use(tree, kept)) << kept;
}

TEST(SecretTree, ALongJumpGivesTheSameKeyAsManySteps) {
  SecretTree steps = tree_of(2);
  for (int i = 0; i < 500; ++i) steps.next(leaf, application);
  SecretTree jump = tree_of(2, {.forward = 1000, .kept = 0});
  EXPECT_EQ(jump.find(leaf, application, 500).key.key, steps.next(leaf, application).key);
}

TEST(SecretTree, RejectsALeafOutsideOfTheTree) {
  SecretTree tree = tree_of(4);
  EXPECT_EQ(reject_of([&] { tree.find(LeafIndex{4}, application, 0); }), Reject::unknown_sender);
  EXPECT_EQ(reject_of([&] { tree.find(LeafIndex{~0u}, application, 0); }), Reject::unknown_sender);
}

// Once a leaf has begun, nothing from which its used keys follow is left (9.2).
TEST(SecretTree, ForgetsTheSecretsOnTheLeafsPath) {
  SecretTree tree = tree_of(4);
  const Bytes root_secret(32, 7);
  use(tree, 0);
  const Bytes stored = state(tree);
  EXPECT_EQ(std::ranges::search(stored, root_secret).begin(), stored.end());
  EXPECT_EQ(reject_of([&] { use(tree, 0); }), Reject::generation_used);
}

TEST(SecretTree, AfterTheLastGenerationNoMore) {
  // A tree of one leaf, whose ratchets stand at their end.
  codec::SecretWriter w;
  w.u8(1);
  for (int i = 0; i < 2; ++i) codec::write(w, Ratchet{Secret(32), uint64_t{UINT32_MAX}, {}});
  MemoryStorage storage;
  storage.put("0", Secret(w.take()));
  SecretTree tree = SecretTree::load(suite(), 1, storage, "");
  EXPECT_EQ(tree.next(LeafIndex{0}, application).generation, UINT32_MAX);
  EXPECT_THROW(tree.next(LeafIndex{0}, application), Error);
  EXPECT_EQ(reject_of([&] { tree.find(LeafIndex{0}, application, UINT32_MAX); }),
            Reject::generation_used);
}

TEST(SecretTree, LoadsWhatItSaved) {
  SecretTree tree = tree_of(8);
  MemoryStorage storage;
  tree.save(storage, "s/");
  use(tree, 9);
  tree.next(LeafIndex{6}, RatchetType::handshake);
  tree.save(storage, "s/");
  SecretTree again = SecretTree::load(suite(), 8, storage, "s/");
  EXPECT_EQ(state(again), state(tree));
  EXPECT_EQ(again.find(leaf, application, 4).key.key, tree.find(leaf, application, 4).key.key);
}

// A commit's key is consumed when the commit is merged; messages may have come in between.
TEST(SecretTree, AKeyConsumedLateBringsBackNothing) {
  for (uint32_t sender : {0, 1, 2, 3, 6}) {
    SecretTree late = tree_of(8);
    SecretTree in_order = tree_of(8);
    auto commit = late.find(leaf, RatchetType::handshake, 0);
    in_order.consume(in_order.find(leaf, RatchetType::handshake, 0));
    for (SecretTree* tree : {&late, &in_order}) {
      tree->consume(tree->find(LeafIndex{sender}, application, 0));
    }
    late.consume(std::move(commit));
    EXPECT_EQ(state(late), state(in_order)) << "with a message of leaf " << sender;
    EXPECT_EQ(reject_of([&] { late.find(LeafIndex{sender}, application, 0); }),
              Reject::generation_used);
  }
}

}  // namespace
}  // namespace qnpc::mls
