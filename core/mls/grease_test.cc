// Values that nobody knows: ignored and kept where RFC 9420 13.4 and 13.5 want them ignored,
// refused where they must not be sent. And 7.2: capabilities do not list what everybody supports.

#include "tests/support/mls_insider.h"
#include "tests/support/reason_of.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;

constexpr uint16_t grease[] = {0x0a0a, 0x1a1a, 0x2a2a, 0x3a3a, 0x4a4a, 0x5a5a, 0x6a6a, 0x7a7a,
                               0x8a8a, 0x9a9a, 0xaaaa, 0xbaba, 0xcaca, 0xdada, 0xeaea};

template <class Type>
void append_grease(Capabilities::List<Type>& list) {
  for (uint16_t value : grease) list.push_back(Type{value});
}

void append_grease(Extensions& extensions) {
  for (uint16_t value : grease) extensions.push_back({ExtensionType{value}, {1, 2, 3}});
}

void grease_leaf(LeafNode& leaf) {
  append_grease(leaf.capabilities.versions);
  append_grease(leaf.capabilities.cipher_suites);
  append_grease(leaf.capabilities.extensions);
  append_grease(leaf.capabilities.proposals);
  append_grease(leaf.capabilities.credentials);
  append_grease(leaf.extensions);
}

// A GroupInfo has more extensions than its sender signed for at first.
void grease_info(GroupInfo& info, const crypto::SignatureKeyPair& signer) {
  append_grease(info.extensions);
  info.sign(Insider::suite(), signer);
}

class GreaseTest : public test::GroupOfThree {
 protected:
  // Not in capabilities: what stands in KeyPackage.extensions is ignored (10).
  KeyPackage greased_package(Insider& owner) {
    return owner.key_package([](KeyPackage& package) {
      grease_leaf(package.leaf_node);
      append_grease(package.extensions);
    });
  }
};

TEST_F(GreaseTest, KeyPackagesAndLeavesMayHoldIt) {
  alice.create();
  KeyPackage b = greased_package(bob);
  EXPECT_EQ(codec::decode<KeyPackage>(codec::encode(b)).ref(), b.ref());
  NewCommit commit = alice.commit({{Add{b}}});
  alice.group->merge(std::move(commit.staged));
  bob.join(b, *commit.welcome);
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
  EXPECT_EQ(*alice.group->tree().leaf(LeafIndex{1}), b.leaf_node);

  // Kept byte for byte: in the tree hash, through storage, and in the leaf's own next appearances.
  MemoryStorage storage;
  bob.group->save(storage);
  EXPECT_EQ(*Group::load(storage).tree().leaf(LeafIndex{1}), b.leaf_node);
  NewCommit next = bob.commit({});
  alice.follow(next.message);
  bob.group->merge(std::move(next.staged));
  const LeafNode& now_there = *alice.group->tree().leaf(LeafIndex{1});
  EXPECT_EQ(now_there.capabilities, b.leaf_node.capabilities);
  EXPECT_EQ(now_there.extensions, b.leaf_node.extensions);
  bob.process(alice.group->propose(alice.group->make_update(alice.signer, random), alice.signer,
                                   now, random));
  NewCommit with_update = bob.commit({});
  alice.follow(with_update.message);
}

TEST_F(GreaseTest, AWelcomesGroupInfoMayHoldIt) {
  alice.create();
  KeyPackage b = bob.key_package();
  NewCommit commit = alice.commit({{Add{b}}});
  auto welcome = std::get<Welcome>(parse_message(*commit.welcome).content);
  const Suite& suite = Insider::suite();
  GroupSecrets secrets =
      decrypt_group_secrets(suite, bob.keys.init, welcome.secrets[0], welcome.encrypted_group_info);
  Secret key = welcome_secret(suite, secrets.joiner_secret, psk_secret(suite, {}));
  GroupInfo info = decrypt_group_info(suite, key, welcome.encrypted_group_info);
  grease_info(info, alice.signer);
  welcome.encrypted_group_info = encrypt_group_info(suite, key, info);
  std::vector<WelcomeShare> shares;
  shares.push_back({&b, std::move(secrets), random.secret(crypto::hpke_seed_size(suite.kem()))});
  welcome.secrets = encrypt_group_secrets(suite, shares, welcome.encrypted_group_info);
  alice.group->merge(std::move(commit.staged));
  bob.join(b, to_message(std::move(welcome)));
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
}

TEST_F(GreaseTest, AGroupInfoForExternalCommitsMayHoldIt) {
  make_group_of_three();
  GroupInfo info = alice.group->group_info(alice.signer);
  grease_info(info, alice.signer);
  LeafNode leaf = dave.leaf();
  grease_leaf(leaf);
  ExternalJoin join =
      Group::external_join(info, {.leaf = leaf, .signer = dave.signer}, now, random);
  bob.follow(join.message);
  EXPECT_EQ(bob.group->epoch_authenticator(), join.group.epoch_authenticator());
}

TEST_F(GreaseTest, RejectsItWhereItMustNotBe) {
  make_group_of_three();
  for (uint16_t value : grease) {
    Proposal gce{GroupContextExtensions{{{ExtensionType{value}, {}}}}};
    expect_reject(bob, alice.forge_commit({{gce}}), Reject::unsupported_extension);
    Bytes proposal{static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value), 0};
    EXPECT_THROW(codec::decode<Proposal>(proposal), Rejected);
    EXPECT_THROW(codec::decode<Credential>(proposal), Rejected);
  }
  // Of a leaf's own extensions the capabilities must speak, also of these.
  KeyPackage package =
      dave.key_package([](KeyPackage& p) { append_grease(p.leaf_node.extensions); });
  EXPECT_EQ(test::reject_of([&] { validate_key_package(package, now); }),
            Reject::unsupported_extension);
}

// --- 7.2 ---------------------------------------------------------------------------------------

TEST(Capabilities, WeDoNotListDefaults) {
  crypto::SystemRandom random;
  Insider alice{random};
  for (uint16_t type = 1; type <= 7; ++type) {
    LeafNode leaf = alice.leaf();
    leaf.capabilities.proposals = {ProposalType{type}};
    EXPECT_THROW(leaf.sign(Insider::suite(), alice.signer, std::nullopt), Error);
    leaf = alice.leaf();
    leaf.capabilities.extensions = {ExtensionType{type}};
    if (type <= 5) {
      EXPECT_THROW(leaf.sign(Insider::suite(), alice.signer, std::nullopt), Error);
    } else {
      leaf.sign(Insider::suite(), alice.signer, std::nullopt);
    }
  }
}

// 10: extensions of a KeyPackage are among its capabilities.
TEST(Capabilities, OursListWhatAKeyPackageHas) {
  crypto::SystemRandom random;
  Insider alice{random};
  LeafNode leaf = alice.leaf();
  auto make = [&](Extensions extensions) {
    return new_key_package(Insider::suite(), leaf, alice.signer, random, std::move(extensions));
  };
  EXPECT_FALSE(make({{ExtensionType::application_id, {}}}).key_package.is_last_resort());
  EXPECT_EQ(test::reason_of([&] { make({{ExtensionType::last_resort, {}}}); }), Reason::usage);
  leaf.capabilities.extensions = {ExtensionType::last_resort};
  const KeyPackage made = make({{ExtensionType::last_resort, {}}}).key_package;
  EXPECT_TRUE(made.is_last_resort());
  validate_key_package(made, now);
  leaf.extensions = {{ExtensionType{0xf123}, {}}};
  EXPECT_EQ(test::reject_of([&] { make({}); }), Reject::unsupported_extension);
}

TEST(Capabilities, OthersMayListDefaults) {
  crypto::SystemRandom random;
  Insider alice{random};
  LeafNode leaf = alice.key_package().leaf_node;
  leaf.capabilities.extensions = {ExtensionType::ratchet_tree};
  leaf.capabilities.proposals = {ProposalType::add};
  leaf.signature.clear();
  Bytes tbs = codec::encode(leaf);  // and an empty signature
  tbs.pop_back();
  leaf.signature = sign_with_label(Insider::suite(), alice.signer, "LeafNodeTBS", tbs);
  validate_leaf(Insider::suite(), leaf, LeafNodeSource::key_package, std::nullopt);
}

}  // namespace
}  // namespace qnpc::mls
