// Who acts from outside of a group: external commits and proposals.

#include "qnpc/mls/group.h"
#include "tests/support/mls_insider.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;
using test::reject_of;

class GroupOutsideTest : public test::GroupOfThree {
 protected:
  Proposal dave_update() {
    LeafNode leaf =
        dave.leaf().renewed(LeafNodeSource::update, random.bytes(32), dave.signer.public_key);
    return {Update{std::move(leaf)}};
  }
};

// --- 12.1.8 and 12.4.3.2, from outside ---------------------------------------------------------

TEST_F(GroupOutsideTest, AnExternalCommitJoins) {
  make_group_of_three();
  ExternalJoin join =
      Group::external_join(alice.group->group_info(alice.signer),
                           {.leaf = dave.leaf(), .signer = dave.signer}, now, random);
  for (Insider* member : {&alice, &bob, &carol}) member->follow(join.message);
  dave.group = std::move(join.group);
  expect_agreement();
  EXPECT_EQ(dave.group->epoch_authenticator(), alice.group->epoch_authenticator());
  EXPECT_EQ(alice.group->members().size(), 4u);
  bob.follow(dave.commit({}).message);
}

TEST_F(GroupOutsideTest, AnExternalCommitReplacesOurOldLeaf) {
  make_group_of_three();
  ExternalJoinInputs inputs{.leaf = carol.leaf(), .signer = carol.signer, .replaces = LeafIndex{2}};
  ExternalJoin join =
      Group::external_join(alice.group->group_info(alice.signer), inputs, now, random);
  alice.follow(join.message);
  bob.follow(join.message);
  auto staged = std::get<StagedCommit>(carol.process(join.message));
  EXPECT_FALSE(staged.next.has_value());  // the old appearance is out
  carol.group = std::move(join.group);
  expect_agreement();
  EXPECT_EQ(carol.group->own_leaf(), LeafIndex{2});
}

// Every member would reject the commit.
TEST_F(GroupOutsideTest, RefusesToJoinWithALeafThatOthersWouldReject) {
  make_group_of_three();
  auto join_with = [&](Extensions extensions) {
    ExternalJoinInputs inputs{.leaf = dave.leaf(), .signer = dave.signer};
    inputs.leaf.extensions = std::move(extensions);
    Group::external_join(alice.group->group_info(alice.signer), inputs, now, random);
  };
  join_with({{ExtensionType::application_id, {1}}});
  EXPECT_EQ(reject_of([&] {
              join_with({{ExtensionType{0xf123}, {}}});
            }),
            Reject::unsupported_extension);
  EXPECT_EQ(reject_of([&] {
              join_with(Extensions(2, {ExtensionType::application_id, {}}));
            }),
            Reject::duplicate_extension);
}

TEST_F(GroupOutsideTest, RejectsExternalCommitsThatDoMore) {
  make_group_of_three();
  auto forged = [&](const std::function<void(Commit&)>& change) {
    ExternalJoin join =
        Group::external_join(alice.group->group_info(alice.signer),
                             {.leaf = dave.leaf(), .signer = dave.signer}, now, random);
    auto message = std::get<PublicMessage>(parse_message(join.message).content);
    change(std::get<Commit>(message.content.content));
    AuthenticatedContent content =
        sign_content(Insider::suite(), WireFormat::public_message, message.content,
                     alice.group->context(), dave.signer);
    content.auth.confirmation_tag = message.auth.confirmation_tag;
    return to_message(
        protect_public(Insider::suite(), std::move(content), alice.group->context(), {}));
  };
  Reject why = Reject::bad_external_commit_proposals;
  Proposal remove{Remove{LeafIndex{1}}};
  expect_reject(bob, forged([](Commit& c) { c.proposals.clear(); }), why);
  expect_reject(bob, forged([](Commit& c) { c.proposals.push_back(c.proposals[0]); }), why);
  expect_reject(
      bob, forged([&](Commit& c) { c.proposals.push_back({Proposal{Add{carol.key_package()}}}); }),
      why);
  expect_reject(carol, forged([&](Commit& c) {
                  c.proposals.push_back({remove});
                  c.proposals.push_back({Proposal{Remove{LeafIndex{0}}}});
                }),
                why);
  expect_reject(bob, forged([](Commit& c) { c.path.reset(); }), Reject::missing_path);
  Proposal update = dave_update();
  expect_reject(bob, forged([&](Commit& c) { c.proposals.push_back({update}); }),
                Reject::proposal_not_from_member);
  // By reference, also what everybody has seen (12.4.3.2).
  Bytes proposed = alice.group->propose(remove, alice.signer, now, random);
  for (Insider* member : {&bob, &carol}) member->process(proposed);
  ProposalRef ref = carol.group->proposals()[0].ref;
  expect_reject(carol, forged([&](Commit& c) { c.proposals.push_back({ref}); }), why);
}

TEST_F(GroupOutsideTest, RejectsExternalCommitsThatTheJoinerDidNotSign) {
  make_group_of_three();
  ExternalJoin join =
      Group::external_join(alice.group->group_info(alice.signer),
                           {.leaf = dave.leaf(), .signer = dave.signer}, now, random);
  auto message = std::get<PublicMessage>(parse_message(join.message).content);
  message.auth.signature[0] ^= 1;
  expect_reject(bob, to_message(message), Reject::bad_signature);
  message.auth.signature.clear();
  expect_reject(bob, to_message(message), Reject::bad_signature);
}

TEST_F(GroupOutsideTest, RefusesGroupInfosThatCannotBeJoined) {
  make_group_of_three();
  auto expect = [&](Reject why, const std::function<void(GroupInfo&)>& change) {
    GroupInfo info = alice.group->group_info(alice.signer);
    change(info);
    info.sign(Insider::suite(), alice.signer);
    EXPECT_EQ(reject_of([&] {
                Group::external_join(info, {.leaf = dave.leaf(), .signer = dave.signer}, now,
                                     random);
              }),
              why);
  };
  expect(Reject::missing_external_pub, [](auto& i) {
    std::erase_if(i.extensions,
                  [](auto& e) { return e.extension_type == ExtensionType::external_pub; });
  });
  expect(Reject::missing_tree, [](auto& i) {
    std::erase_if(i.extensions,
                  [](auto& e) { return e.extension_type == ExtensionType::ratchet_tree; });
  });
  expect(Reject::wrong_tree_hash, [](auto& i) { i.group_context.tree_hash[0] ^= 1; });
  expect(Reject::wrong_signer, [](auto& i) { i.signer = LeafIndex{3}; });
  expect(Reject::bad_group_info_signature, [](auto& i) { i.signer = LeafIndex{1}; });
  expect(Reject::wrong_version, [](auto& i) { i.group_context.version = ProtocolVersion{9}; });
}

TEST_F(GroupOutsideTest, ProposalsFromOutsideAreCommitted) {
  Insider service{random};
  make_group_of_three({{ExtensionType::external_senders,
                        codec::encode(ExternalSenders{{service.signer.public_key, {}}})}});
  const GroupContext& context = alice.group->context();
  Bytes remove = propose_from_outside(context, {SenderType::external, 0}, {Remove{LeafIndex{2}}},
                                      service.signer);
  Bytes add = propose_from_outside(context, {SenderType::new_member_proposal},
                                   {Add{dave.key_package()}}, dave.signer);
  for (Insider* member : {&alice, &bob}) {
    member->process(remove);
    member->process(add);
  }
  NewCommit commit = alice.commit({});
  bob.follow(commit.message);
  alice.group->merge(std::move(commit.staged));
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
  EXPECT_EQ(alice.group->members().size(), 3u);
}

TEST_F(GroupOutsideTest, RejectsProposalsThatOutsidersMayNotMake) {
  Insider service{random};
  make_group_of_three({{ExtensionType::external_senders,
                        codec::encode(ExternalSenders{{service.signer.public_key, {}}})}});
  const GroupContext& context = alice.group->context();
  Proposal update = alice.group->make_update(alice.signer, random);
  Proposal remove{Remove{LeafIndex{2}}};
  expect_reject(bob,
                propose_from_outside(context, {SenderType::external, 0}, update, service.signer),
                Reject::external_sender_content);
  expect_reject(bob,
                propose_from_outside(context, {SenderType::external, 1}, remove, service.signer),
                Reject::unknown_sender);
  expect_reject(bob, propose_from_outside(context, {SenderType::external, 0}, remove, dave.signer),
                Reject::bad_signature);
  expect_reject(
      bob, propose_from_outside(context, {SenderType::new_member_proposal}, remove, dave.signer),
      Reject::external_sender_content);
}

TEST_F(GroupOutsideTest, ProposalsOfOurOwnTypeNeedEverybodysSupport) {
  make_group_of_three();
  Proposal custom{Custom{ProposalType{0xf005}, {1, 2, 3}}};
  EXPECT_EQ(reject_of([&] { alice.commit({custom}); }), Reject::unsupported_proposal);
  expect_reject(bob, alice.forge_commit({{custom}}), Reject::unsupported_proposal);
  // By reference it waits, and an honest committer leaves it out.
  bob.process(alice.group->propose(custom, alice.signer, now, random));
  NewCommit commit = bob.commit({});
  EXPECT_TRUE(commit.staged.custom.empty());
  alice.follow(commit.message);
}

// Ed25519 is deterministic: proposed twice, it has one reference, which a commit names once (12.4).
TEST_F(GroupOutsideTest, WhatIsProposedTwiceIsCommittedOnce) {
  alice.create({}, {ProposalType{0xf005}});
  KeyPackage b = bob.key_package(
      [](auto& kp) { kp.leaf_node.capabilities.proposals = {ProposalType{0xf005}}; });
  NewCommit add = alice.commit({{Add{b}}});
  alice.group->merge(std::move(add.staged));
  bob.join(b, *add.welcome);
  Proposal custom{Custom{ProposalType{0xf005}, {1, 2, 3}}};
  for (int i = 0; i < 2; ++i) {
    bob.process(alice.group->propose(custom, alice.signer, now, random));
  }
  NewCommit commit = bob.commit({});
  EXPECT_EQ(commit.staged.custom.size(), 1u);
  alice.follow(commit.message);
}

TEST_F(GroupOutsideTest, WhoIsRemovedNeedNotSupportTheProposals) {  // 12.2
  alice.create({}, {ProposalType{0xf005}});
  KeyPackage b = bob.key_package(
      [](auto& kp) { kp.leaf_node.capabilities.proposals = {ProposalType{0xf005}}; });
  KeyPackage c = carol.key_package();
  NewCommit adds = alice.commit({{Add{b}}, {Add{c}}});
  alice.group->merge(std::move(adds.staged));
  bob.join(b, *adds.welcome);
  NewCommit commit =
      alice.commit({{Custom{ProposalType{0xf005}, {1, 2, 3}}}, {Remove{LeafIndex{2}}}});
  auto staged = std::get<StagedCommit>(bob.process(commit.message));
  ASSERT_EQ(staged.custom.size(), 1u);
  EXPECT_EQ(staged.custom[0].data, (Bytes{1, 2, 3}));
}

}  // namespace
}  // namespace qnpc::mls
