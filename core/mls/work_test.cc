// What a message can make us do: lists as long as the wire allows, in places where each element
// used to be searched for in another such list. A search for each would take minutes in every test
// here, so that nobody has to look at a clock.
#include <gtest/gtest.h>

#include "qnpc/mls/proposal_list.h"
#include "qnpc/mls/tree_validation.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::reject_of;

const Suite& suite() { return suite_of(CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519); }

// All that there are, as many as a vector may hold, in an order that helps nobody.
template <class T>
std::vector<T> all_types(uint32_t first) {
  std::vector<T> out;
  for (uint32_t type = 0xffff; type >= first; --type) out.push_back(static_cast<T>(type));
  return out;
}
constexpr uint32_t first_extension = 6;  // beyond the default types
constexpr uint32_t first_proposal = 8;

LeafNode leaf_that_lists_all() {
  LeafNode out;
  out.capabilities.versions = {ProtocolVersion::mls10};
  out.capabilities.extensions = all_types<ExtensionType>(first_extension);
  out.capabilities.proposals = all_types<ProposalType>(first_proposal);
  out.capabilities.credentials = all_types<CredentialType>(1);
  return out;
}

TEST(Work, WhatAGroupNeedsIsNotSearchedForTypeByType) {
  const LeafNode all = leaf_that_lists_all();
  RequiredCapabilities required{all.capabilities.extensions, all.capabilities.proposals,
                                all.capabilities.credentials};
  const Extensions extensions{{ExtensionType::required_capabilities, codec::encode(required)}};
  RatchetTree tree;
  for (int i = 0; i < 48; ++i) tree.add_leaf(all);
  require_mutual_support(tree, extensions, tree.members());
  LeafNode lacking = all;
  lacking.capabilities.proposals = all_types<ProposalType>(first_proposal + 1);
  tree.add_leaf(lacking);
  EXPECT_EQ(reject_of([&] { require_mutual_support(tree, extensions, tree.members()); }),
            Reject::missing_required_capability);
}

TEST(Work, ALeafsOwnExtensionsAreNotSearchedForTypeByType) {
  LeafNode leaf = leaf_that_lists_all();
  for (ExtensionType type : leaf.capabilities.extensions) leaf.extensions.push_back({type, {}});
  for (int i = 0; i < 100; ++i) require_own_support(leaf);
  leaf.capabilities.extensions = all_types<ExtensionType>(first_extension + 1);
  EXPECT_EQ(reject_of([&] { require_own_support(leaf); }), Reject::unsupported_extension);
}

TEST(Work, ProposalsOfOurOwnTypesAreNotAskedOfEveryMemberOneByOne) {
  LeafNode leaf;
  leaf.capabilities.versions = {ProtocolVersion::mls10};
  leaf.capabilities.proposals = all_types<ProposalType>(first_private_use);
  leaf.capabilities.credentials = {CredentialType::basic};
  RatchetTree tree;
  for (int i = 0; i < 2000; ++i) tree.add_leaf(leaf);
  const GroupContext context{.cipher_suite = suite().id};
  const Sender committer{SenderType::member, 0};
  const CommitSetting setting{suite(), context, tree, committer, UnixTime{}};
  ProposalList list;
  for (size_t i = 0; i < limits::vector_elements; ++i) {
    const auto type = static_cast<ProposalType>(first_private_use + i % 0x1000);
    list.push_back({{Custom{type, {}}}, committer, {}});
  }
  EXPECT_EQ(apply_proposals(setting, list).custom.size(), list.size());
}

// A commit may add whoever has the key of a parent, which changes with each of them; that no key
// stands twice is judged at its end.
TEST(Work, EqualKeysAreNotSearchedForOneByOne) {
  const std::vector<SmallBytes> keys(200'000, Bytes(32, 1));
  KeySet set;
  for (const SmallBytes& key : keys) set.insert(&key);
  EXPECT_FALSE(set.all_differ());
  for (const SmallBytes& key : keys) set.erase(&key);
  EXPECT_TRUE(set.all_differ());
  EXPECT_FALSE(set.contains(keys.front()));
}

}  // namespace
}  // namespace qnpc::mls
