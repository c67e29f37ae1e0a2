// How many bytes a save rewrites in a group of 1,000 in which every member has committed: names and
// values of all records that are put.
#include <gtest/gtest.h>

#include <cstdio>
#include <utility>

#include "qnpc/mls/group.h"
#include "qnpc/mls/tree_kem.h"
#include "tests/support/seeded_random.h"

namespace qnpc::test {
namespace {

using mls::LeafIndex;

constexpr uint32_t members = 1000;
constexpr UnixTime now{1'800'000'000};
constexpr size_t sent_message = 1024;
constexpr size_t commit_with_path = size_t{32} << 10;

class CountingStorage final : public Storage {
 public:
  std::optional<Secret> get(std::string_view name) const override { return inner_.get(name); }
  std::vector<std::string> names(std::string_view prefix) const override {
    return inner_.names(prefix);
  }
  void put(std::string_view name, const Secret& value) override {
    bytes_ += name.size() + value.size();
    inner_.put(name, value);
  }
  void erase(std::string_view name) override { inner_.erase(name); }
  void erase_all(std::string_view prefix) override { inner_.erase_all(prefix); }

  /// What was put since the last call.
  size_t take_bytes() { return std::exchange(bytes_, 0); }

 private:
  MemoryStorage inner_;
  size_t bytes_ = 0;
};

/// One of those who are really there.
struct Person {
  mls::Group group;
  crypto::SignatureKeyPair signer;
  CountingStorage storage = {};

  size_t saved() {
    group.save(storage);
    return storage.take_bytes();
  }
  void reload() { group = mls::Group::load(storage); }
};

class WarmGroup : public testing::Test {
 protected:
  mls::LeafNode leaf(const Bytes& signature_key) {
    mls::LeafNode out;
    out.signature_key = signature_key;
    out.credential.identity = random_.bytes(32);
    out.capabilities = {
        {mls::ProtocolVersion::mls10}, {suite_.id}, {}, {}, {mls::CredentialType::basic}};
    return out;
  }

  // A tree as it is after a path of every member, and a GroupInfo by which one may enter. The other
  // members need no private keys.
  mls::GroupInfo group_of(uint32_t count) {
    mls::RatchetTree tree;
    std::vector<crypto::SignatureKeyPair> signers;
    for (uint32_t i = 0; i < count; ++i) {
      signers.push_back(crypto::generate_signature_key(suite_.signature, random_));
      mls::LeafNode node = leaf(signers.back().public_key);
      node.leaf_node_source = mls::LeafNodeSource::commit;
      node.encryption_key = random_.bytes(32);
      tree.add_leaf(std::move(node));
    }
    const Bytes group_id = random_.bytes(32);
    for (uint32_t i = 0; i < count; ++i) {
      std::vector<Bytes> keys;
      while (keys.size() < tree.filtered_direct_path(LeafIndex{i}).size()) {
        keys.push_back(random_.bytes(32));
      }
      mls::LeafNode node = *tree.leaf(LeafIndex{i});
      node.parent_hash = mls::set_path(suite_, tree, LeafIndex{i}, keys);
      node.sign(suite_, signers[i], mls::LeafPosition{group_id, LeafIndex{i}});
      tree.set_leaf(LeafIndex{i}, std::move(node));
    }
    codec::Writer external_pub;
    external_pub.opaque(random_.bytes(32));
    mls::GroupInfo info{.group_context = {.cipher_suite = suite_.id,
                                          .group_id = group_id,
                                          .epoch = count,
                                          .tree_hash = tree.tree_hash(suite_),
                                          .confirmed_transcript_hash = random_.bytes(32)},
                        .extensions = {{mls::ExtensionType::external_pub, external_pub.take()},
                                       {mls::ExtensionType::ratchet_tree, codec::encode(tree)}},
                        .confirmation_tag = random_.bytes(32),
                        .signer = LeafIndex{0}};
    info.sign(suite_, signers[0]);
    return info;
  }

  Person enter(const mls::GroupInfo& info, Bytes* message = nullptr) {
    crypto::SignatureKeyPair signer = crypto::generate_signature_key(suite_.signature, random_);
    mls::ExternalJoin joined = mls::Group::external_join(
        info, {.leaf = leaf(signer.public_key), .signer = signer}, now, random_);
    if (message != nullptr) *message = std::move(joined.message);
    return {std::move(joined.group), std::move(signer)};
  }

  static mls::Processed process(Person& by, const Bytes& message) {
    return by.group.process(mls::parse_message(message), now);
  }

  SeededRandom random_{1};
  const mls::Suite& suite_ =
      mls::suite_of(mls::CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519);
};

TEST_F(WarmGroup, SavesRewriteNoMoreThanTheyMay) {
  Person alice = enter(group_of(members));
  EXPECT_GT(alice.saved(), size_t{members} * 100);  // all of it, once
  EXPECT_EQ(alice.saved(), 0u) << "nothing has changed";

  // Another joins: for Alice a commit that she processes.
  Bytes join;
  Person bob = enter(alice.group.group_info(alice.signer), &join);
  bob.saved();
  alice.group.merge(std::get<mls::StagedCommit>(process(alice, join)));
  const size_t processed = alice.saved();
  EXPECT_LE(processed, commit_with_path);

  // The first message splits the secret tree down to its sender, the second moves a ratchet.
  std::vector<size_t> sent, received;
  for (int i = 0; i < 2; ++i) {
    const Bytes message = alice.group.protect(as_view("text"), alice.signer, 0, random_);
    sent.push_back(alice.saved());
    process(bob, message);
    received.push_back(bob.saved());
  }
  for (size_t bytes : sent) EXPECT_LE(bytes, sent_message);
  for (size_t bytes : received) EXPECT_LE(bytes, sent_message);
  EXPECT_LE(sent[1], 160u);
  EXPECT_LE(received[1], 160u);

  // A commit with path, pending over a restart; then as the other sees it.
  mls::NewCommit commit = alice.group.commit({}, alice.signer, now, random_);
  const Bytes message = commit.message;
  alice.group.set_pending(std::move(commit));
  const size_t pending = alice.saved();
  alice.reload();
  alice.group.merge_pending();
  const size_t merged = alice.saved();
  EXPECT_LE(pending + merged, commit_with_path);
  bob.group.merge(std::get<mls::StagedCommit>(process(bob, message)));
  const size_t followed = bob.saved();
  EXPECT_LE(followed, commit_with_path);
  alice.reload();
  bob.reload();
  EXPECT_EQ(alice.group.epoch_authenticator(), bob.group.epoch_authenticator());

  std::printf(
      "bytes put: first message %zu, message %zu, pending commit %zu, merged %zu, "
      "followed %zu, a join %zu\n",
      sent[0], sent[1], pending, merged, followed, processed);
}

}  // namespace
}  // namespace qnpc::test
