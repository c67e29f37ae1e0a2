// 12.4.3.1: a Welcome by a hostile inviter. Carol invites Dave; what her Welcome holds is opened
// with Dave's keys, changed at one place, signed again and encrypted as it should be.

#include "qnpc/mls/group.h"
#include "tests/support/mls_insider.h"
#include "tests/support/reason_of.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;
using test::reason_of;
using test::reject_of;

struct Invitation {
  GroupSecrets secrets;
  GroupInfo info;
  const crypto::SignatureKeyPair* signer = nullptr;
  bool sign = true;
  CipherSuite cipher_suite = test::suite_id;
};

class GroupJoinTest : public test::GroupOfThree {
 protected:
  using Change = std::function<void(Invitation&)>;

  void SetUp() override {
    make_group_of_three();
    package = dave.key_package();
    NewCommit commit = carol.commit({{Add{package}}});
    welcome = std::get<Welcome>(parse_message(*commit.welcome).content);
    carol.group->merge(std::move(commit.staged));
    alice.follow(commit.message);
    bob.follow(commit.message);
  }

  GroupSecrets opened_secrets() {
    return decrypt_group_secrets(Insider::suite(), dave.keys.init, welcome.secrets.front(),
                                 welcome.encrypted_group_info);
  }
  Secret key_of(const GroupSecrets& secrets) {
    std::vector<Psk> psks;
    for (const auto& id : secrets.psks) psks.push_back({id, Secret::copy_of(Bytes(32, 5))});
    return welcome_secret(Insider::suite(), secrets.joiner_secret,
                          psk_secret(Insider::suite(), psks));
  }
  Invitation opened() {
    Invitation out{.secrets = opened_secrets(), .info = {}, .signer = &carol.signer};
    out.info =
        decrypt_group_info(Insider::suite(), key_of(out.secrets), welcome.encrypted_group_info);
    return out;
  }
  Welcome sealed(Invitation in) {
    if (in.sign) in.info.sign(Insider::suite(), *in.signer);
    Welcome out{.cipher_suite = in.cipher_suite};
    out.encrypted_group_info = encrypt_group_info(Insider::suite(), key_of(in.secrets), in.info);
    std::vector<WelcomeShare> shares;
    shares.push_back({&package, std::move(in.secrets),
                      random.secret(crypto::hpke_seed_size(Insider::suite().kem()))});
    out.secrets = encrypt_group_secrets(Insider::suite(), shares, out.encrypted_group_info);
    return out;
  }
  Group join(const Change& change, const Group* predecessor = nullptr) {
    Invitation invitation = opened();
    change(invitation);
    auto psks = [](const PreSharedKeyId& id) -> std::optional<Secret> {
      if (id.psk_id == Bytes{9}) return std::nullopt;
      return Secret::copy_of(Bytes(32, 5));
    };
    return Group::join(
        sealed(std::move(invitation)),
        {.key_package = package, .keys = dave.keys, .psks = psks, .predecessor = predecessor});
  }
  std::optional<Reject> reject_after(const Change& change) {
    return reject_of([&] { join(change); });
  }
  // With another tree, and the tree hash that fits it.
  std::optional<Reject> reject_with_tree(const std::function<void(RatchetTree&)>& change) {
    return reject_after([&](Invitation& in) {
      auto tree = *get_extension<RatchetTree>(in.info.extensions, ExtensionType::ratchet_tree);
      change(tree);
      in.info.extensions = {{ExtensionType::ratchet_tree, codec::encode(tree)}};
      in.info.group_context.tree_hash = tree.tree_hash(Insider::suite());
    });
  }

  KeyPackage package;
  Welcome welcome;
};

TEST_F(GroupJoinTest, AnUnchangedInvitationIsJoined) {
  Group joined = join([](auto&) {});
  EXPECT_EQ(joined.epoch_authenticator(), alice.group->epoch_authenticator());
}

TEST_F(GroupJoinTest, RejectsAGroupInfoThatIsNotTheSigners) {
  EXPECT_EQ(reject_after([](auto& in) { in.sign = false, in.info.signature[0] ^= 1; }),
            Reject::bad_group_info_signature);
  EXPECT_EQ(reject_after([](auto& in) { in.sign = false, in.info.signature.clear(); }),
            Reject::bad_group_info_signature);
  EXPECT_EQ(reject_after([&](auto& in) { in.signer = &bob.signer; }),
            Reject::bad_group_info_signature);
  for (uint32_t leaf : {4u, 1u << 31, UINT32_MAX}) {
    EXPECT_EQ(reject_after([&](auto& in) { in.info.signer = LeafIndex{leaf}; }),
              Reject::wrong_signer);
  }
}

TEST_F(GroupJoinTest, RejectsAnotherVersionOrSuite) {
  EXPECT_EQ(reject_after([](auto& in) { in.info.group_context.version = ProtocolVersion{2}; }),
            Reject::wrong_version);
  EXPECT_EQ(reject_after([](auto& in) { in.info.group_context.cipher_suite = CipherSuite{3}; }),
            Reject::wrong_cipher_suite);
  EXPECT_EQ(reject_after([](auto& in) { in.cipher_suite = CipherSuite{3}; }),
            Reject::wrong_cipher_suite);
}

TEST_F(GroupJoinTest, RejectsATreeThatIsNotTheAnnouncedOne) {
  EXPECT_EQ(reject_after([](auto& in) { in.info.extensions.clear(); }), Reject::missing_tree);
  EXPECT_EQ(reject_after([](auto& in) { in.info.group_context.tree_hash[0] ^= 1; }),
            Reject::wrong_tree_hash);
  EXPECT_EQ(reject_after([](auto& in) { in.info.group_context.tree_hash.clear(); }),
            Reject::wrong_tree_hash);
  EXPECT_EQ(reject_with_tree([](auto& tree) { tree.remove_leaf(LeafIndex{3}); }),
            Reject::not_in_tree);
}

TEST_F(GroupJoinTest, RejectsTreesThatAreNotValid) {
  EXPECT_EQ(reject_with_tree([](auto& tree) {
              ParentNode root = *tree.parent(tree.root());
              root.unmerged_leaves = {LeafIndex{3}, LeafIndex{2}};
              tree.set_parent(tree.root(), root);
            }),
            Reject::bad_unmerged_leaves);
  EXPECT_EQ(reject_with_tree([](auto& tree) {
              ParentNode root = *tree.parent(tree.root());
              root.encryption_key[0] ^= 1;
              tree.set_parent(tree.root(), root);
            }),
            Reject::wrong_parent_hash);
  // Every leaf is judged, not ours and the signer's alone (7.3).
  auto with_bob = [&](const std::function<void(LeafNode&)>& change) {
    return reject_with_tree([&](auto& tree) {
      LeafNode leaf = *tree.leaf(LeafIndex{1});
      change(leaf);
      tree.set_leaf(LeafIndex{1}, leaf);
    });
  };
  EXPECT_EQ(with_bob([&](auto& l) { l.signature_key = carol.signer.public_key; }),
            Reject::duplicate_signature_key);
  EXPECT_EQ(with_bob([&](auto& l) { l.encryption_key = package.leaf_node.encryption_key; }),
            Reject::duplicate_encryption_key);
  EXPECT_EQ(with_bob([](auto& l) { l.encryption_key = Bytes(32, 0); }), Reject::bad_public_key);
}

// 7.3, for every leaf. Carol's is the one that no parent hash covers, as she committed last.
TEST_F(GroupJoinTest, RejectsTreesWithBadLeaves) {
  auto with_carol = [&](const std::function<void(LeafNode&)>& change, bool sign = true) {
    return reject_with_tree([&](auto& tree) {
      LeafNode leaf = *tree.leaf(LeafIndex{2});
      change(leaf);
      LeafPosition position{carol.group->context().group_id, LeafIndex{2}};
      if (sign) leaf.sign(Insider::suite(), carol.signer, position);
      tree.set_leaf(LeafIndex{2}, leaf);
    });
  };
  EXPECT_EQ(with_carol([](auto&) {}), std::nullopt);
  EXPECT_EQ(with_carol([](auto& l) { l.signature[0] ^= 1; }, false), Reject::bad_leaf_signature);
  EXPECT_EQ(with_carol([](auto& l) { l.capabilities.versions.clear(); }),
            Reject::unsupported_version);
  EXPECT_EQ(with_carol([](auto& l) { l.capabilities.credentials.clear(); }),
            Reject::unsupported_credential);
  EXPECT_EQ(with_carol([](auto& l) {
              l.extensions = {{ExtensionType{0xf123}, {}}};
            }),
            Reject::unsupported_extension);
  EXPECT_EQ(with_carol([](auto& l) {
              l.extensions.assign(2, {ExtensionType::application_id, {}});
            }),
            Reject::duplicate_extension);
}

// 7.2, also of members who were there before us; whether it is over is not asked (7.3).
TEST_F(GroupJoinTest, RejectsATreeWithALifetimeThatIsTooLong) {
  auto alone_with = [&](Lifetime lifetime) {
    LeafNode leaf = alice.leaf();
    leaf.lifetime = lifetime;
    alice.group = Group::create(Insider::suite(), {1}, std::move(leaf), {}, alice.signer, random);
    return alice.group->group_info(alice.signer);
  };
  const uint64_t longest = LifetimeRule::default_longest;
  auto join = [&](const GroupInfo& info, const Policy& policy) {
    return reject_of([&] { validated_tree(info, {}, policy); });
  };
  EXPECT_EQ(join(alone_with({0, longest}), now), std::nullopt);
  const GroupInfo too_long = alone_with({0, longest + 1});
  EXPECT_EQ(join(too_long, now), Reject::lifetime_too_long);
  EXPECT_EQ(join(too_long, LifetimeRule(now, longest + 1)), std::nullopt);
  // And by a Welcome of hers that needs no path.
  KeyPackage d = dave.key_package();
  CommitOptions options{.proposals = {{Add{d}}}, .force_path = false};
  Bytes message = *alice.group->commit(options, alice.signer, now, random).welcome;
  auto invitation = std::get<Welcome>(parse_message(message).content);
  EXPECT_EQ(reject_of([&] { Group::join(invitation, {d, dave.keys}); }), Reject::lifetime_too_long);
}

TEST_F(GroupJoinTest, RejectsAGroupThatNeedsWhatWeLack) {
  auto with = [&](Extensions extensions) {
    return reject_after([&](auto& in) { in.info.group_context.extensions = extensions; });
  };
  RequiredCapabilities required{.extension_types = {ExtensionType{0xf123}}};
  EXPECT_EQ(with({{ExtensionType{0xf123}, {}}}), Reject::unsupported_extension);
  EXPECT_EQ(with({{ExtensionType::required_capabilities, codec::encode(required)}}),
            Reject::missing_required_capability);
  EXPECT_EQ(with({{ExtensionType::required_capabilities, {0, 0, 0, 0}}}),  // a trailing byte
            Reject::malformed_extension);
}

TEST_F(GroupJoinTest, RejectsDuplicateExtensions) {
  EXPECT_EQ(
      reject_after([](auto& in) { in.info.extensions.push_back(in.info.extensions.front()); }),
      Reject::duplicate_extension);
  EXPECT_EQ(reject_after([](auto& in) {
              in.info.group_context.extensions = {{ExtensionType::application_id, {}},
                                                  {ExtensionType::application_id, {}}};
            }),
            Reject::duplicate_extension);
}

TEST_F(GroupJoinTest, IgnoresUnknownExtensionsOfTheGroupInfo) {  // 12.4.3 and 13.4
  Group joined = join([](auto& in) {
    in.info.extensions.push_back({ExtensionType{0xf123}, {1, 2}});
    in.info.extensions.push_back({ExtensionType{0x0a0a}, {}});
  });
  EXPECT_EQ(joined.epoch_authenticator(), alice.group->epoch_authenticator());
}

TEST_F(GroupJoinTest, RejectsATagThatDoesNotVerify) {
  EXPECT_EQ(reject_after([](auto& in) { in.info.confirmation_tag[0] ^= 1; }),
            Reject::bad_confirmation_tag);
  EXPECT_EQ(reject_after([](auto& in) { in.info.confirmation_tag.clear(); }),
            Reject::bad_confirmation_tag);
  EXPECT_EQ(reject_after([](auto& in) { in.info.confirmation_tag.resize(1); }),
            Reject::bad_confirmation_tag);
  EXPECT_EQ(reject_after([](auto& in) { in.info.group_context.epoch += 1; }),
            Reject::bad_confirmation_tag);
}

TEST_F(GroupJoinTest, RejectsAPathSecretOfOtherKeys) {
  EXPECT_EQ(
      reject_after([](auto& in) { in.secrets.path_secret->path_secret.reveal_mutable()[0] ^= 1; }),
      Reject::wrong_path_key);
}

// The inviter keeps the path secret from us: we learn of it with the first commit that needs it.
TEST_F(GroupJoinTest, RejectsAPathForWhichWeWereGivenNoKey) {
  dave.group = join([](auto& in) { in.secrets.path_secret.reset(); });
  Bytes commit = bob.commit({}).message;
  auto before = dave.state();
  EXPECT_EQ(reject_of([&] { dave.process(commit); }), Reject::no_path_key);
  EXPECT_EQ(dave.state(), before);
  // Or gives us one of a path that does not lead past us: our own.
  EXPECT_EQ(reject_after([&](auto& in) {
              in.info.signer = LeafIndex{3};
              in.signer = &dave.signer;
            }),
            Reject::no_path_key);
}

TEST_F(GroupJoinTest, RejectsPsksThatWeLackOrThatAreNone) {
  PreSharedKeyId id{.psktype = PskType::external, .psk_id = {9}, .psk_nonce = Bytes(32, 7)};
  auto with = [&](std::vector<PreSharedKeyId> ids) {
    return reject_after([&](auto& in) { in.secrets.psks = ids; });
  };
  EXPECT_EQ(with({id}), Reject::unknown_psk);
  id.psk_id = {1};
  id.psk_nonce.pop_back();
  EXPECT_EQ(with({id}), Reject::bad_psk);
  id.psk_nonce.push_back(7);
  EXPECT_EQ(with({id}), Reject::bad_confirmation_tag);  // it was not in the commit
}

// 12.4.3.1 and 11.3: what a resumption PSK promises must hold.
TEST_F(GroupJoinTest, RejectsTiesToGroupsThatThisOneDoesNotContinue) {
  Insider old{random};
  old.create();
  auto tie = [&](ResumptionPskUsage usage) {
    return old.group->resumption_psk_id(usage, Bytes(32, 7));
  };
  auto with = [&](std::vector<PreSharedKeyId> ids, const Group* predecessor) {
    return reject_of([&] { join([&](auto& in) { in.secrets.psks = ids; }, predecessor); });
  };
  auto branch = tie(ResumptionPskUsage::branch);
  auto reinit = tie(ResumptionPskUsage::reinit);
  EXPECT_EQ(with({branch}, nullptr), Reject::unknown_psk);
  EXPECT_EQ(with({reinit}, nullptr), Reject::unknown_psk);
  auto with_own = [&](std::vector<PreSharedKeyId> ids) {
    // Our own predecessor's secret is not the constant that key_of() takes.
    return reject_of([&] {
      GroupContext context = old.group->context();
      RatchetTree tree = old.group->tree();
      validate_successor(ids, &*old.group, context, tree, basic_credentials());
    });
  };
  EXPECT_EQ(with_own({}), Reject::wrong_successor);
  EXPECT_EQ(with_own({branch, reinit}), Reject::bad_psk);
  EXPECT_EQ(with_own({branch}), Reject::wrong_successor);  // its epoch is not 1
}

TEST_F(GroupJoinTest, AWelcomeForAnotherIsNotFound) {
  KeyPackage other = dave.key_package();
  EXPECT_EQ(reason_of([&] { Group::join(welcome, {.key_package = other, .keys = dave.keys}); }),
            Reason::not_found);
}

}  // namespace
}  // namespace qnpc::mls
