// The life of a group, and what it does with the commits and proposals of a hostile member.

#include "qnpc/mls/group.h"

#include <algorithm>

#include "tests/support/mls_insider.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;
using test::reject_of;

class GroupTest : public test::GroupOfThree {};

TEST_F(GroupTest, EverybodyCommitsAndAgrees) {
  make_group_of_three();
  expect_agreement();
  for (Insider* committer : {&alice, &bob, &carol, &bob}) {
    for (WireFormat format : {WireFormat::public_message, WireFormat::private_message}) {
      NewCommit commit = committer->commit({}, format);
      for (Insider* other : {&alice, &bob, &carol}) {
        if (other != committer) other->follow(commit.message);
      }
      committer->group->merge(std::move(commit.staged));
      expect_agreement();
    }
  }
}

TEST_F(GroupTest, ASignatureKeyChangesWithACommit) {
  make_group_of_three();
  auto fresh = crypto::generate_signature_key(Insider::suite().signature, random);
  CommitOptions options{.new_signer = &fresh};
  NewCommit commit = alice.group->commit(options, alice.signer, now, random);
  bob.follow(commit.message);
  carol.follow(commit.message);
  alice.group->merge(std::move(commit.staged));
  alice.signer = std::move(fresh);
  bob.follow(alice.commit({}).message);
}

TEST_F(GroupTest, ProposalsByReferenceAreCommittedBySomebodyElse) {
  make_group_of_three();
  Bytes update =
      bob.group->propose(bob.group->make_update(bob.signer, random), bob.signer, now, random);
  Bytes remove = alice.group->propose({Remove{LeafIndex{2}}}, alice.signer, now, random);
  alice.process(update);
  carol.process(update);
  bob.process(remove);
  carol.process(remove);
  NewCommit commit = alice.commit({});
  bob.follow(commit.message);
  auto staged = std::get<StagedCommit>(carol.process(commit.message));
  EXPECT_FALSE(staged.next.has_value());
  carol.group->merge(std::move(staged));
  EXPECT_FALSE(carol.group->is_active());
  alice.group->merge(std::move(commit.staged));
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
  EXPECT_EQ(alice.group->members().size(), 2u);
  // Bob's next commit works with the key that its update brought.
  NewCommit next = bob.commit({});
  alice.follow(next.message);
}

TEST_F(GroupTest, ApplicationDataWaitsForProposals) {  // 12.4
  make_group_of_three();
  alice.process(bob.group->propose({Remove{LeafIndex{2}}}, bob.signer, now, random));
  EXPECT_EQ(reject_of([&] { alice.group->protect(as_view("x"), alice.signer, 0, random); }),
            Reject::proposals_pending);
}

TEST_F(GroupTest, AnExternalPskMustBeTheSameForAll) {
  make_group_of_three();
  PreSharedKeyId id{.psktype = PskType::external, .psk_id = {1}, .psk_nonce = Bytes(32, 7)};
  auto lookup = [](uint8_t byte) {
    return [byte](const PreSharedKeyId&) -> std::optional<Secret> {
      return Secret::copy_of(Bytes(32, byte));
    };
  };
  CommitOptions options{.proposals = {{PreSharedKey{id}}}};
  NewCommit commit = alice.group->commit(options, alice.signer, now, random, lookup(5));
  expect_reject(bob, commit.message, Reject::unknown_psk);
  expect_reject(bob, commit.message, Reject::bad_confirmation_tag, lookup(6));
  bob.group->merge(std::get<StagedCommit>(bob.process(commit.message, lookup(5))));
  alice.group->merge(std::move(commit.staged));
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
}

TEST_F(GroupTest, ExportedSecretsHaveTheirBound) {
  alice.create();
  EXPECT_EQ(alice.group->export_secret("label", as_view("context"), 32).size(), 32u);
  EXPECT_THROW(alice.group->export_secret("label", {}, 65536), Error);
}

TEST_F(GroupTest, ADiscardedCommitLeavesTheGroupUsable) {
  make_group_of_three();
  alice.commit({}, WireFormat::private_message);  // never sent
  bob.follow(alice.commit({}, WireFormat::private_message).message);
  carol.process(alice.commit({}, WireFormat::private_message).message);
}

TEST_F(GroupTest, AForeignCommitMayComeWhileOursIsPending) {
  make_group_of_three();
  NewCommit pending = alice.commit({});
  NewCommit winner = bob.commit({});
  alice.follow(winner.message);
  bob.group->merge(std::move(winner.staged));
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
}

// --- 12.2, the proposals of a commit -----------------------------------------------------------

TEST_F(GroupTest, RejectsToMergeWhatWasStagedBeforeAnotherCommit) {
  make_group_of_three();
  NewCommit mine = alice.commit({});
  alice.follow(bob.commit({}).message);
  auto before = alice.state();
  EXPECT_EQ(reject_of([&] { alice.group->merge(std::move(mine.staged)); }), Reject::wrong_epoch);
  EXPECT_EQ(alice.state(), before);
}

TEST_F(GroupTest, ProposalsThatWaitAreLimitedInBytes) {
  make_group_of_three();
  auto propose = [&](Insider& member, size_t size) {
    Extension large{ExtensionType::application_id, Bytes(size)};
    return member.group->propose({GroupContextExtensions{{large}}}, member.signer, now, random,
                                 WireFormat::public_message);
  };
  bob.process(propose(alice, limits::mls_pending_proposal_bytes - 1000));
  MemoryStorage storage;
  bob.group->save(storage);
  bob.group = Group::load(storage);  // it remembers
  bob.process(carol.group->propose({Remove{LeafIndex{1}}}, carol.signer, now, random));
  try {
    bob.process(propose(carol, 1000));
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::too_large);
  }
  EXPECT_EQ(bob.group->proposals().size(), 2u);
}

TEST_F(GroupTest, RejectsUnknownProposalReference) {
  make_group_of_three();
  expect_reject(bob, alice.forge_commit({{ProposalRef(32, 1)}}),
                Reject::unknown_proposal_reference);
}

// Else a short commit would copy one large proposal a hundred thousand times.
TEST_F(GroupTest, RejectsDuplicateProposalReference) {
  make_group_of_three();
  bob.process(alice.group->propose({Remove{LeafIndex{2}}}, alice.signer, now, random,
                                   WireFormat::public_message));
  ProposalRef ref = bob.group->proposals()[0].ref;
  expect_reject(bob, alice.forge_commit({{ref}, {ref}}), Reject::duplicate_proposal_reference);
}

// Else it would wait for a commit, and no commit could take it.
TEST_F(GroupTest, RejectsExternalInitProposedByAMember) {
  make_group_of_three();
  Bytes honest = alice.group->propose({Remove{LeafIndex{2}}}, alice.signer, now, random,
                                      WireFormat::public_message);
  Bytes forged = alice.forge(honest, [](FramedContent& content) {
    content.content = Proposal{ExternalInit{Bytes(32, 1)}};
  });
  expect_reject(bob, forged, Reject::external_init_in_member_commit);
}

TEST_F(GroupTest, RejectsUpdateByCommitter) {
  make_group_of_three();
  Proposal update = alice.group->make_update(alice.signer, random);
  expect_reject(bob, alice.forge_commit({{update}}), Reject::update_by_committer);
}

TEST_F(GroupTest, RejectsRemovesCommitter) {
  make_group_of_three();
  expect_reject(bob, alice.forge_commit({{Proposal{Remove{LeafIndex{0}}}}}),
                Reject::removes_committer);
}

TEST_F(GroupTest, RejectsRemovalOfABlankLeaf) {
  make_group_of_three();
  for (uint32_t leaf : {3u, 4u, 1u << 31, UINT32_MAX}) {
    expect_reject(bob, alice.forge_commit({{Proposal{Remove{LeafIndex{leaf}}}}}),
                  Reject::not_a_member);
  }
}

TEST_F(GroupTest, RejectsDuplicateTarget) {
  make_group_of_three();
  Proposal remove{Remove{LeafIndex{2}}};
  expect_reject(bob, alice.forge_commit({{remove}, {remove}}), Reject::duplicate_target);
}

TEST_F(GroupTest, RejectsDuplicateAdd) {
  make_group_of_three();
  Proposal once{Add{dave.key_package()}};
  Proposal again{Add{dave.key_package()}};
  expect_reject(bob, alice.forge_commit({{once}, {again}}), Reject::duplicate_add);
}

TEST_F(GroupTest, RejectsAlreadyMember) {
  make_group_of_three();
  expect_reject(bob, alice.forge_commit({{Proposal{Add{carol.key_package()}}}}),
                Reject::already_member);
}

TEST_F(GroupTest, AMemberMayBeRemovedAndAddedInOneCommit) {
  make_group_of_three();
  KeyPackage again = carol.key_package();
  NewCommit commit = alice.commit({{Remove{LeafIndex{2}}}, {Add{again}}});
  bob.follow(commit.message);
  alice.group->merge(std::move(commit.staged));
  carol.join(again, *commit.welcome);
  expect_agreement();
}

TEST_F(GroupTest, RejectsBadPsks) {
  make_group_of_three();
  PreSharedKeyId id{.psktype = PskType::external, .psk_id = {1}, .psk_nonce = Bytes(32, 7)};
  Proposal psk{PreSharedKey{id}};
  expect_reject(bob, alice.forge_commit({{psk}, {psk}}), Reject::duplicate_psk);
  id.psk_nonce.pop_back();
  expect_reject(bob, alice.forge_commit({{Proposal{PreSharedKey{id}}}}), Reject::bad_psk);
  for (auto usage :
       {ResumptionPskUsage::branch, ResumptionPskUsage::reinit, ResumptionPskUsage{4}}) {
    Proposal tie{PreSharedKey{alice.group->resumption_psk_id(usage, Bytes(32, 7))}};
    expect_reject(bob, alice.forge_commit({{tie}}), Reject::bad_psk);
    EXPECT_EQ(reject_of([&] { alice.group->propose(tie, alice.signer, now, random); }),
              Reject::bad_psk);
  }
}

TEST_F(GroupTest, RejectsDuplicateGroupContextExtensions) {
  make_group_of_three();
  Proposal gce{GroupContextExtensions{}};
  expect_reject(bob, alice.forge_commit({{gce}, {gce}}),
                Reject::duplicate_group_context_extensions);
}

TEST_F(GroupTest, RejectsExtensionsThatSomebodyDoesNotSupport) {
  make_group_of_three();
  Proposal gce{GroupContextExtensions{{{ExtensionType{0xf123}, {}}}}};
  EXPECT_THROW(alice.commit({gce}), Rejected);
  expect_reject(bob, alice.forge_commit({{gce}}), Reject::unsupported_extension);
  RequiredCapabilities required{.proposal_types = {ProposalType{0xf123}}};
  Proposal requiring{
      GroupContextExtensions{{{ExtensionType::required_capabilities, codec::encode(required)}}}};
  expect_reject(bob, alice.forge_commit({{requiring}}), Reject::missing_required_capability);
  Proposal twice{GroupContextExtensions{
      {{ExtensionType::application_id, {}}, {ExtensionType::application_id, {}}}}};
  expect_reject(bob, alice.forge_commit({{twice}}), Reject::duplicate_extension);
  Proposal nonsense{GroupContextExtensions{{{ExtensionType::required_capabilities, {9}}}}};
  expect_reject(bob, alice.forge_commit({{nonsense}}), Reject::malformed_extension);
}

TEST_F(GroupTest, RejectsReInitBesideOthersAndToAnOlderVersion) {
  make_group_of_three();
  Proposal reinit{ReInit{{1}, ProtocolVersion::mls10, test::suite_id, {}}};
  Proposal remove{Remove{LeafIndex{2}}};
  expect_reject(bob, alice.forge_commit({{reinit}, {remove}}), Reject::reinit_not_alone);
  Proposal older{ReInit{{1}, ProtocolVersion{0}, test::suite_id, {}}};
  expect_reject(bob, alice.forge_commit({{older}}), Reject::reinit_older_version);
}

TEST_F(GroupTest, RejectsExternalInitInMemberCommit) {
  make_group_of_three();
  expect_reject(bob, alice.forge_commit({{Proposal{ExternalInit{Bytes(32, 9)}}}}),
                Reject::external_init_in_member_commit);
}

// --- 10.1 and 7.3, who is added ----------------------------------------------------------------

TEST_F(GroupTest, RejectsBadKeyPackages) {
  make_group_of_three();
  auto expect = [&](Reject why, std::function<void(KeyPackage&)> change,
                    std::function<void(KeyPackage&)> after = {}) {
    KeyPackage key_package = dave.key_package(std::move(change));
    if (after) after(key_package);
    Bytes forged = alice.forge(alice.commit({}).message, [&](FramedContent& content) {
      content.content = Commit{{{Proposal{Add{key_package}}}}, std::nullopt};  // needs no path
    });
    expect_reject(bob, forged, why);
  };
  expect(Reject::wrong_version, [](auto& kp) { kp.version = ProtocolVersion{2}; });
  expect(Reject::wrong_cipher_suite, [](auto& kp) { kp.cipher_suite = CipherSuite{3}; });
  expect(Reject::wrong_leaf_source,
         [](auto& kp) { kp.leaf_node.leaf_node_source = LeafNodeSource::update; });
  expect(Reject::lifetime_too_long, [](auto& kp) { kp.leaf_node.lifetime = {0, UINT64_MAX}; });
  expect(Reject::bad_public_key, [](auto& kp) { kp.init_key.pop_back(); });
  expect(Reject::bad_public_key, [](auto& kp) { kp.leaf_node.encryption_key.pop_back(); });
  expect(Reject::init_key_is_encryption_key,
         [](auto& kp) { kp.init_key = kp.leaf_node.encryption_key; });
  expect(Reject::duplicate_extension, [](auto& kp) {
    kp.extensions = {{ExtensionType{0xf123}, {}}, {ExtensionType{0xf123}, {}}};
  });
  expect(Reject::unsupported_extension, [](auto& kp) {
    kp.leaf_node.extensions = {{ExtensionType{0xf123}, {}}};
  });
  expect(Reject::unsupported_credential,
         [](auto& kp) { kp.leaf_node.capabilities.credentials.clear(); });
  expect(Reject::unsupported_version, [](auto& kp) { kp.leaf_node.capabilities.versions.clear(); });
  expect(Reject::bad_leaf_signature, {}, [&](auto& kp) {
    kp.leaf_node.signature[0] ^= 1;
    kp.sign(Insider::suite(), dave.signer);
  });
  expect(Reject::bad_key_package_signature, {}, [](auto& kp) { kp.signature[0] ^= 1; });
  // A key of low order: nobody could encrypt a path to it, hence nobody commit one.
  expect(Reject::bad_public_key, [](auto& kp) {
    kp.leaf_node.encryption_key = Bytes(kp.leaf_node.encryption_key.size(), 0);
  });
  Bytes taken = alice.group->members()[2].leaf->encryption_key;
  expect(Reject::duplicate_encryption_key, [&](auto& kp) { kp.leaf_node.encryption_key = taken; });
  // By itself, before it is for a group.
  KeyPackage later = dave.key_package([](auto& kp) { kp.version = ProtocolVersion{2}; });
  EXPECT_EQ(reject_of([&] { validate_key_package(later, now); }), Reject::wrong_version);
}

// --- 7.5, 7.6 and 7.9, the path ----------------------------------------------------------------

TEST_F(GroupTest, RejectsMissingPath) {
  make_group_of_three();
  expect_commit_reject([](Commit& c) { c.path.reset(); }, Reject::missing_path);
  expect_commit_reject([](Commit& c) { c.path.reset(); }, Reject::missing_path,
                       {{Remove{LeafIndex{2}}}});
}

TEST_F(GroupTest, RejectsPathsOfWrongLength) {
  make_group_of_three();
  expect_commit_reject([](Commit& c) { c.path->nodes.pop_back(); }, Reject::wrong_path_length);
  expect_commit_reject(
      [&](Commit& c) {
        UpdatePathNode more = c.path->nodes.back();
        more.encryption_key = random.bytes(32);
        c.path->nodes.push_back(more);
      },
      Reject::wrong_path_length);
}

TEST_F(GroupTest, RejectsWrongCiphertextCount) {
  make_group_of_three();
  expect_commit_reject([](Commit& c) { c.path->nodes[1].encrypted_path_secret.clear(); },
                       Reject::wrong_ciphertext_count);
}

TEST_F(GroupTest, RejectsPathKeysThatStandElsewhere) {
  make_group_of_three();
  Bytes taken = alice.group->members()[2].leaf->encryption_key;
  expect_commit_reject([&](Commit& c) { c.path->nodes[0].encryption_key = taken; },
                       Reject::duplicate_encryption_key);
  expect_commit_reject(
      [](Commit& c) { c.path->nodes[0].encryption_key = c.path->nodes[1].encryption_key; },
      Reject::duplicate_encryption_key);
  expect_commit_reject([](Commit& c) { c.path->nodes[0].encryption_key.pop_back(); },
                       Reject::bad_public_key);
}

TEST_F(GroupTest, RejectsWrongParentHash) {
  make_group_of_three();
  // The keys of the path are not those that the leaf's parent hash, which is signed, stands for.
  expect_commit_reject([&](Commit& c) { c.path->nodes[1].encryption_key = random.bytes(32); },
                       Reject::wrong_parent_hash);
}

TEST_F(GroupTest, RejectsBadPathLeaves) {
  make_group_of_three();
  LeafPosition position{alice.group->context().group_id, LeafIndex{0}};
  auto expect = [&](Reject why, const std::function<void(LeafNode&)>& change) {
    expect_commit_reject(
        [&](Commit& c) {
          change(c.path->leaf_node);
          c.path->leaf_node.sign(Insider::suite(), alice.signer, position);
        },
        why);
  };
  expect(Reject::wrong_leaf_source, [](auto& l) { l.leaf_node_source = LeafNodeSource::update; });
  expect(Reject::wrong_parent_hash, [](auto& l) { l.parent_hash[0] ^= 1; });
  expect(Reject::unsupported_version, [](auto& l) { l.capabilities.versions.clear(); });
  expect(Reject::unsupported_credential, [](auto& l) { l.capabilities.credentials.clear(); });
  expect(Reject::bad_public_key, [](auto& l) { l.encryption_key.clear(); });
  expect_commit_reject([](Commit& c) { c.path->leaf_node.signature[0] ^= 1; },
                       Reject::bad_leaf_signature);
}

TEST_F(GroupTest, APathSecretThatIsNotOursIsRefused) {
  make_group_of_three();
  auto before = bob.state();
  Bytes forged = alice.forge(alice.commit({}).message, [](FramedContent& content) {
    auto& nodes = std::get<Commit>(content.content).path->nodes;
    for (auto& node : nodes) {
      for (auto& sealed : node.encrypted_path_secret) sealed.ciphertext[0] ^= 1;
    }
  });
  EXPECT_THROW(bob.process(forged), Error);
  EXPECT_EQ(bob.state(), before);
}

// --- Section 6, framing ------------------------------------------------------------------------

TEST_F(GroupTest, RejectsFramesOfOthers) {
  make_group_of_three();
  Bytes honest = alice.commit({}).message;
  auto forge = [&](const std::function<void(FramedContent&)>& change) {
    return alice.forge(honest, change);
  };
  expect_reject(bob, forge([](auto& c) { c.epoch += 1; }), Reject::wrong_epoch);
  expect_reject(bob, forge([](auto& c) { c.epoch -= 1; }), Reject::wrong_epoch);
  expect_reject(bob, forge([](auto& c) { c.group_id[0] ^= 1; }), Reject::wrong_group);
  expect_reject(bob, forge([](auto& c) { c.sender.index = 2; }), Reject::bad_signature);
  expect_reject(bob, forge([](auto& c) { c.sender.index = 3; }), Reject::unknown_sender);
  expect_reject(bob, forge([](auto& c) { c.sender.index = 1; }), Reject::own_message);
  expect_reject(bob, forge([](auto& c) { c.sender.index = UINT32_MAX; }), Reject::unknown_sender);
  expect_reject(bob, forge([](auto& c) {
                  c.sender = {SenderType::external, 0};
                }),
                Reject::external_sender_content);
  expect_reject(bob, forge([](auto& c) {
                  c.sender = {SenderType::new_member_proposal, 0};
                }),
                Reject::external_sender_content);
}

TEST_F(GroupTest, RejectsApplicationDataThatIsNotEncrypted) {
  make_group_of_three();
  MlsMessage message = parse_message(alice.commit({}).message);
  auto& m = std::get<PublicMessage>(message.content);
  m.content.content = Bytes{1};
  m.auth.confirmation_tag.reset();
  expect_reject(bob, codec::encode(message), Reject::application_not_encrypted);
}

TEST_F(GroupTest, RejectsTagsThatDoNotVerify) {
  make_group_of_three();
  auto change = [&](const std::function<void(PublicMessage&)>& body) {
    MlsMessage message = parse_message(alice.commit({}).message);
    body(std::get<PublicMessage>(message.content));
    return codec::encode(message);
  };
  expect_reject(bob, change([](auto& m) { m.membership_tag->front() ^= 1; }),
                Reject::bad_membership_tag);
  expect_reject(bob, change([](auto& m) { m.membership_tag->clear(); }),
                Reject::bad_membership_tag);
  expect_reject(bob, change([](auto& m) { m.membership_tag->resize(1); }),
                Reject::bad_membership_tag);
  for (size_t size : {size_t{0}, size_t{31}}) {
    Bytes honest = alice.commit({}).message;
    auto parsed = std::get<PublicMessage>(parse_message(honest).content);
    parsed.auth.confirmation_tag->resize(size);
    Epoch epoch = alice.epoch();
    AuthenticatedContent content{WireFormat::public_message, parsed.content, parsed.auth};
    expect_reject(bob,
                  to_message(protect_public(Insider::suite(), content, epoch.context,
                                            epoch.secrets.membership_key)),
                  Reject::bad_confirmation_tag);
  }
}

TEST_F(GroupTest, RejectsOwnMessagesThatComeBack) {
  make_group_of_three();
  expect_reject(alice, alice.commit({}).message, Reject::own_message);
  expect_reject(alice, alice.commit({}, WireFormat::private_message).message, Reject::own_message);
}

TEST_F(GroupTest, AGroupThatIsLeftSpeaksNoMore) {
  make_group_of_three();
  NewCommit first = alice.commit({});
  bob.follow(first.message);
  alice.group->merge(std::move(first.staged));
  NewCommit commit = alice.commit({{Remove{LeafIndex{1}}}});
  Epoch last = bob.epoch();
  auto is_past = [](const auto& record) { return record.first.starts_with("group/past/"); };
  auto is_secret = [](const auto& record) { return record.first.starts_with("group/secret/"); };
  auto before = bob.state();
  ASSERT_TRUE(std::ranges::any_of(before, is_past));
  ASSERT_TRUE(std::ranges::any_of(before, is_secret));
  bob.follow(commit.message);
  for (const auto& [name, record] : bob.state()) {
    EXPECT_FALSE(name.starts_with("group/past/")) << name;
    EXPECT_FALSE(name.starts_with("group/secret/")) << name;
    for (const Secret* gone : {&last.secrets.init_secret, &last.secrets.exporter_secret,
                               &last.secrets.sender_data_secret}) {
      EXPECT_TRUE(std::ranges::search(record, gone->reveal()).empty()) << name;
    }
  }
  EXPECT_FALSE(bob.group->is_active());
  EXPECT_THROW(bob.group->protect(as_view("x"), bob.signer, 0, random), Rejected);
  EXPECT_THROW(bob.commit({}), Rejected);
  expect_reject(bob, commit.message, Reject::group_suspended);
}

}  // namespace
}  // namespace qnpc::mls
