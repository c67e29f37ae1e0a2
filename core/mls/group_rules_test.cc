// More rules that a hostile member's commits and proposals break: leaves and keys (7.3), path
// secrets (7.5), extension lists (13.4), and what 12.3 evaluates with the new extensions.

#include "qnpc/base/limits.h"
#include "qnpc/mls/group.h"
#include "tests/support/mls_insider.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;
using test::reject_of;

class GroupRulesTest : public test::GroupOfThree {
 protected:
  // Alice proposes an Update whose leaf was changed, and signed for `position` after that.
  Bytes forged_update(const std::function<void(LeafNode&)>& change, LeafIndex signed_for) {
    Proposal update = alice.group->make_update(alice.signer, random);
    LeafNode leaf = update.get<Update>()->leaf_node;
    change(leaf);
    leaf.sign(Insider::suite(), alice.signer,
              LeafPosition{alice.group->context().group_id, signed_for});
    Bytes honest = alice.group->propose({Remove{LeafIndex{2}}}, alice.signer, now, random,
                                        WireFormat::public_message);
    return alice.forge(honest, [&](FramedContent& content) {
      content.content = Proposal{Update{std::move(leaf)}};
    });
  }
};

TEST_F(GroupRulesTest, RejectsBadUpdates) {  // 12.1.2
  make_group_of_three();
  const LeafIndex alices{0};
  Bytes old_key = alice.group->tree().leaf(alices)->encryption_key;
  auto expect = [&](Reject why, const std::function<void(LeafNode&)>& change,
                    LeafIndex signed_for = LeafIndex{0}) {
    expect_reject(bob, forged_update(change, signed_for), why);
  };
  expect(Reject::encryption_key_unchanged, [&](auto& l) { l.encryption_key = old_key; });
  expect(Reject::wrong_leaf_source, [](auto& l) { l.leaf_node_source = LeafNodeSource::commit; });
  expect(Reject::wrong_leaf_source,
         [](auto& l) { l.leaf_node_source = LeafNodeSource::key_package; });
  expect(Reject::bad_public_key, [](auto& l) { l.encryption_key.push_back(0); });
  expect(
      Reject::bad_leaf_signature, [](auto&) {}, LeafIndex{1});  // 7.2: signed for its place
  expect(Reject::unsupported_extension, [](auto& l) {
    l.extensions = {{ExtensionType{0xf123}, {}}};
  });
  expect(Reject::duplicate_extension, [](auto& l) {
    l.extensions.assign(2, {ExtensionType::application_id, {}});
  });
}

TEST_F(GroupRulesTest, RejectsUpdatesBesideAnotherChangeOfTheLeaf) {
  make_group_of_three();
  std::vector<ProposalRef> updates;
  for (int i = 0; i < 2; ++i) {
    Bytes update =
        bob.group->propose(bob.group->make_update(bob.signer, random), bob.signer, now, random);
    carol.process(update);
    updates.push_back(carol.group->proposals().back().ref);
  }
  expect_reject(carol, alice.forge_commit({{updates[0]}, {updates[1]}}), Reject::duplicate_target);
  Proposal remove{Remove{LeafIndex{1}}};
  expect_reject(carol, alice.forge_commit({{updates[0]}, {remove}}), Reject::duplicate_target);
}

TEST_F(GroupRulesTest, RejectsASignatureKeyThatAnotherMemberHas) {  // 7.3
  make_group_of_three();
  CommitOptions options{.new_signer = &carol.signer};
  EXPECT_EQ(reject_of([&] { alice.group->commit(options, alice.signer, now, random); }),
            Reject::duplicate_signature_key);
  LeafPosition position{alice.group->context().group_id, LeafIndex{0}};
  expect_commit_reject(
      [&](Commit& c) {
        c.path->leaf_node.signature_key = carol.signer.public_key;
        c.path->leaf_node.sign(Insider::suite(), carol.signer, position);
      },
      Reject::duplicate_signature_key);
}

TEST_F(GroupRulesTest, RejectsAPathWithTheLeafKeyOfBefore) {  // 12.4.2
  make_group_of_three();
  Bytes before = alice.group->tree().leaf(LeafIndex{0})->encryption_key;
  LeafPosition position{alice.group->context().group_id, LeafIndex{0}};
  expect_commit_reject(
      [&](Commit& c) {
        c.path->leaf_node.encryption_key = before;
        c.path->leaf_node.sign(Insider::suite(), alice.signer, position);
      },
      Reject::duplicate_encryption_key);
}

// 12.4.3.1: else nobody who is added, then or later, could join.
TEST_F(GroupRulesTest, RejectsALeafWithAParentsKey) {
  make_group_of_three();
  NewCommit bobs = bob.commit({});
  alice.follow(bobs.message);
  bob.group->merge(std::move(bobs.staged));
  Bytes parents_key = alice.group->tree().parent(NodeIndex{1})->encryption_key;
  Proposal honest{Add{dave.key_package()}};
  Proposal same{
      Add{dave.key_package([&](auto& kp) { kp.leaf_node.encryption_key = parents_key; })}};
  auto commit = [&](const Proposal& add) {
    CommitOptions options{
        .proposals = {add}, .force_path = false, .wire_format = WireFormat::public_message};
    return alice.group->commit(options, alice.signer, now, random).message;
  };
  EXPECT_EQ(reject_of([&] { commit(same); }), Reject::duplicate_encryption_key);
  Bytes forged = alice.forge(commit(honest), [&](FramedContent& content) {
    std::get<Commit>(content.content).proposals = {{same}};
  });
  expect_reject(bob, forged, Reject::duplicate_encryption_key);
}

// 7.5: what is encrypted to Bob is a secret, but not the one that leads to the path's keys.
TEST_F(GroupRulesTest, RejectsPathSecretsOfOtherKeys) {
  make_group_of_three();
  NewCommit honest = alice.commit({});
  GroupContext next = alice.group->context();
  next.epoch += 1;
  next.tree_hash = honest.staged.next->context.tree_hash;
  const Bytes& bobs_key = alice.group->tree().leaf(LeafIndex{1})->encryption_key;
  for (size_t size : {size_t{32}, size_t{0}, size_t{31}}) {
    auto sealed = encrypt_with_label(Insider::suite(), bobs_key, "UpdatePathNode",
                                     codec::encode(next), Bytes(size, 1), random);
    Bytes forged = alice.forge(honest.message, [&](FramedContent& content) {
      std::get<Commit>(content.content).path->nodes[0].encrypted_path_secret[0] = {
          sealed.kem_output, sealed.ciphertext};
    });
    expect_reject(bob, forged, Reject::wrong_path_key);
  }
}

TEST_F(GroupRulesTest, RejectsDuplicateExtensionsInEveryList) {  // 13.4
  make_group_of_three();
  const Extensions twice(2, Extension{ExtensionType::application_id, {}});
  auto expect = [&](Proposal proposal) {
    expect_reject(bob, alice.forge_commit({{std::move(proposal)}}), Reject::duplicate_extension);
  };
  expect({Add{dave.key_package([&](auto& kp) { kp.extensions = twice; })}});
  expect({Add{dave.key_package([&](auto& kp) { kp.leaf_node.extensions = twice; })}});
  expect({GroupContextExtensions{twice}});
  expect({ReInit{{1}, ProtocolVersion::mls10, test::suite_id, twice}});
}

TEST_F(GroupRulesTest, AddsAreJudgedByTheExtensionsOfTheSameCommit) {  // 12.3
  make_group_of_three();
  RequiredCapabilities required{.credential_types = {CredentialType::x509}};
  Proposal requiring{
      GroupContextExtensions{{{ExtensionType::required_capabilities, codec::encode(required)}}}};
  Proposal add{Add{dave.key_package()}};
  EXPECT_EQ(reject_of([&] {
              alice.commit({add, requiring});
            }),
            Reject::missing_required_capability);
  expect_reject(bob, alice.forge_commit({{add}, {requiring}}), Reject::missing_required_capability);
}

// 12.4.2: every PSK that the commit names must be at hand, one of an epoch long gone too.
TEST_F(GroupRulesTest, RejectsResumptionPsksOfUnknownEpochs) {
  make_group_of_three();
  PreSharedKeyId id = alice.group->resumption_psk_id(ResumptionPskUsage::application, Bytes(32, 7));
  NewCommit known = alice.commit({{PreSharedKey{id}}});
  EXPECT_TRUE(std::holds_alternative<StagedCommit>(bob.process(known.message)));
  id.psk_epoch += 1;
  EXPECT_EQ(reject_of([&] { alice.commit({{PreSharedKey{id}}}); }), Reject::unknown_psk);
  Bytes forged = alice.forge(known.message, [&](FramedContent& content) {
    std::get<Commit>(content.content).proposals = {{Proposal{PreSharedKey{id}}}};
  });
  expect_reject(bob, forged, Reject::unknown_psk);
}

TEST_F(GroupRulesTest, AReinitializedGroupSpeaksNoMore) {  // 12.4.2
  make_group_of_three();
  Proposal reinit{ReInit{{1}, ProtocolVersion::mls10, test::suite_id, {}}};
  NewCommit last = alice.commit({reinit});
  bob.follow(last.message);
  alice.group->merge(std::move(last.staged));
  for (Insider* member : {&alice, &bob}) {
    EXPECT_EQ(reject_of([&] { member->group->protect({}, member->signer, 0, random); }),
              Reject::group_suspended);
    EXPECT_EQ(reject_of([&] { member->commit({}); }), Reject::group_suspended);
    EXPECT_EQ(reject_of([&] {
                member->group->propose({Remove{LeafIndex{2}}}, member->signer, now, random);
              }),
              Reject::group_suspended);
    EXPECT_EQ(reject_of([&] { member->process(last.message); }), Reject::group_suspended);
  }
}

TEST_F(GroupRulesTest, RejectsToAddWhoseKeyPackageIsNotCurrent) {
  make_group_of_three();
  const uint64_t too_early = now.seconds + std::chrono::seconds(limits::clock_skew).count() + 1;
  for (Lifetime lifetime :
       {Lifetime{now.seconds - 100, now.seconds - 1}, Lifetime{too_early, too_early + 99999}}) {
    Proposal add{Add{dave.key_package([&](auto& kp) { kp.leaf_node.lifetime = lifetime; })}};
    EXPECT_EQ(test::reject_of([&] { alice.commit({add}); }), Reject::lifetime_not_current);
    auto propose = [&] { alice.group->propose(add, alice.signer, now, random); };
    EXPECT_EQ(test::reject_of(propose), Reject::lifetime_not_current);
  }
}

// Who was away would lose the group.
TEST_F(GroupRulesTest, ACommitReadLateMayAddWhoseKeyPackageHasExpired) {
  make_group_of_three();
  NewCommit commit = alice.commit({{Add{dave.key_package()}}});
  UnixTime years_later{now.seconds + 10 * uint64_t{366} * 24 * 3600};
  Processed read = bob.group->process(parse_message(commit.message), years_later);
  bob.group->merge(std::get<StagedCommit>(std::move(read)));
  alice.group->merge(std::move(commit.staged));
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
}

// And an Add by reference: without it the commit that refers to it could not be read.
TEST_F(GroupRulesTest, AnAddReadLateMayBeOfWhoseKeyPackageHasExpired) {
  make_group_of_three();
  Bytes proposed = alice.group->propose({Add{dave.key_package()}}, alice.signer, now, random);
  NewCommit commit = alice.commit({});
  ASSERT_EQ(commit.staged.added.size(), 1u);
  const UnixTime years_later{now.seconds + 10 * uint64_t{366} * 24 * 3600};
  bob.group->process(parse_message(proposed), years_later);
  // Who reads late does not commit it any more.
  EXPECT_TRUE(bob.group->commit({}, bob.signer, years_later, random).staged.added.empty());
  Processed read = bob.group->process(parse_message(commit.message), years_later);
  bob.group->merge(std::get<StagedCommit>(std::move(read)));
  alice.group->merge(std::move(commit.staged));
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
}

}  // namespace
}  // namespace qnpc::mls
