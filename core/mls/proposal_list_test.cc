// Which of the proposals that wait a committer takes, RFC 9420 12.2 and 12.4: nobody, member or
// stranger, can block the others' commits and messages by proposing what cannot be committed.
#include "qnpc/mls/proposal_list.h"

#include "tests/support/mls_insider.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;
using test::reject_of;

// Takes whatever stands in a credential.
class AnyCredential : public CredentialPolicy {
 public:
  void validate(const Suite&, const Credential&, View, UnixTime) const override {}
  Bytes identity(const Credential&) const override { return {}; }
  bool proves_identity() const override { return false; }
};

class SelectProposals : public test::GroupOfThree {
 protected:
  void everybody_takes(const Bytes& message, const Insider* but = nullptr) {
    for (Insider* member : {&alice, &bob, &carol}) {
      if (member != but) member->group->process(parse_message(message), policy);
    }
  }
  void propose(Insider& by, Proposal proposal) {
    everybody_takes(by.group->propose(std::move(proposal), by.signer, policy, random), &by);
  }
  // 12.1.8: whoever has a KeyPackage.
  void propose_to_add(Insider& stranger, const std::function<void(KeyPackage&)>& change) {
    Proposal add{Add{stranger.key_package(change)}};
    everybody_takes(propose_from_outside(alice.group->context(), {SenderType::new_member_proposal},
                                         std::move(add), stranger.signer));
  }
  // A leaf of the member's own, changed and signed again.
  void propose_update(Insider& by, const std::function<void(LeafNode&)>& change) {
    LeafNode leaf = by.group->make_update(by.signer, random).get<Update>()->leaf_node;
    change(leaf);
    leaf.sign(Insider::suite(), by.signer,
              LeafPosition{by.group->context().group_id, by.group->own_leaf()});
    propose(by, {Update{std::move(leaf)}});
  }

  // What waits is an error for who asks for it, and keeps nobody from committing and from sending.
  void expect_dropped(Reject why, UnixTime at = now) {
    std::vector<ProposalRef> waiting;
    for (const QueuedProposal& p : alice.group->proposals()) waiting.push_back(p.ref);
    ASSERT_FALSE(waiting.empty());
    EXPECT_EQ(reject_of([&] {
                alice.group->commit({.references = waiting}, alice.signer, {at, any}, random);
              }),
              why);
    NewCommit commit = alice.group->commit({}, alice.signer, {at, any}, random);
    EXPECT_TRUE(commit.staged.added.empty());
    EXPECT_TRUE(commit.staged.updated.empty());
    EXPECT_EQ(commit.staged.next->context.extensions, alice.group->context().extensions);
    merge(std::move(commit));
    alice.group->protect({}, alice.signer, 0, random);
  }
  void merge(NewCommit commit) {
    for (Insider* member : {&bob, &carol}) member->follow(commit.message);
    alice.group->merge(std::move(commit.staged));
    expect_agreement();
  }

  const AnyCredential any;
  const Policy policy{now, any};
};

TEST_F(SelectProposals, DropsAnAddOfWhoIsThereAlready) {
  make_group_of_three();
  for (Insider* present : {&alice, &bob}) {
    propose_to_add(*present, {});
    expect_dropped(Reject::already_member);
  }
}

TEST_F(SelectProposals, DropsAnAddThatHasExpiredMeanwhile) {
  make_group_of_three();
  propose_to_add(dave, [](auto& kp) { kp.leaf_node.lifetime.not_after = now.seconds + 5; });
  expect_dropped(Reject::lifetime_not_current, {now.seconds + 6});
}

TEST_F(SelectProposals, DropsAnAddThatDoesNotFitTheGroup) {
  make_group_of_three();
  propose_to_add(dave, [](auto& kp) { kp.leaf_node.capabilities.versions = {}; });
  expect_dropped(Reject::unsupported_version);
  propose_to_add(dave, [](auto& kp) {  // does not understand the members
    kp.leaf_node.credential.credential_type = CredentialType::x509;
    kp.leaf_node.capabilities.credentials = {CredentialType::x509};
  });
  expect_dropped(Reject::unsupported_credential);
  propose_to_add(dave, [](auto& kp) {  // is not understood by them
    kp.leaf_node.credential.credential_type = CredentialType::x509;
    kp.leaf_node.capabilities.credentials = {CredentialType::basic, CredentialType::x509};
  });
  expect_dropped(Reject::unsupported_credential);
}

TEST_F(SelectProposals, DropsAnAddWithAKeyOfTheTree) {
  make_group_of_three();
  merge(alice.commit({}));
  NewCommit bobs = bob.commit({});
  for (Insider* member : {&alice, &carol}) member->follow(bobs.message);
  bob.group->merge(std::move(bobs.staged));
  auto with_key_of = [&](NodeIndex node) {
    propose_to_add(dave, [key = *alice.group->tree().encryption_key(node)](auto& kp) {
      kp.leaf_node.encryption_key = key;
    });
  };
  with_key_of(NodeIndex{4});  // Carol's leaf
  expect_dropped(Reject::duplicate_encryption_key);
  // A parent's that the commit replaces: this commit could bring it, a commit without path not.
  with_key_of(NodeIndex{1});
  EXPECT_TRUE(alice.commit({}).staged.added.empty());
}

TEST_F(SelectProposals, OfTwoAddsWithOneKeyTakesTheLatest) {
  make_group_of_three();
  Insider erin{random};
  Bytes key = crypto::generate_hpke_key(Insider::suite().kem(), random).public_key;
  for (Insider* stranger : {&dave, &erin}) {
    propose_to_add(*stranger, [&](auto& kp) { kp.leaf_node.encryption_key = key; });
  }
  NewCommit commit = alice.commit({});
  ASSERT_EQ(commit.staged.added.size(), 1u);
  EXPECT_EQ(commit.staged.next->tree.leaf(commit.staged.added[0])->signature_key,
            erin.signer.public_key);
  merge(std::move(commit));
}

TEST_F(SelectProposals, DropsUpdatesThatTheTreeDoesNotBear) {
  make_group_of_three();
  propose_update(bob, [&](LeafNode& leaf) {
    leaf.encryption_key = alice.group->tree().leaf(LeafIndex{2})->encryption_key;
  });
  expect_dropped(Reject::duplicate_encryption_key);
  propose_update(bob, [](LeafNode& leaf) { leaf.capabilities.versions = {}; });
  expect_dropped(Reject::unsupported_version);
}

TEST_F(SelectProposals, DropsExtensionsThatSomebodyLacks) {
  make_group_of_three();
  RequiredCapabilities required{.credential_types = {CredentialType::x509}};
  const std::pair<Extension, Reject> cases[] = {
      {{ExtensionType{0xf123}, {}}, Reject::unsupported_extension},
      {{ExtensionType::required_capabilities, codec::encode(required)},
       Reject::missing_required_capability},
      {{ExtensionType::required_capabilities, {9}}, Reject::malformed_extension}};
  for (const auto& [extension, why] : cases) {
    propose(bob, {GroupContextExtensions{{extension}}});
    expect_dropped(why);
  }
}

// Also what is no Rejected: a list of more elements than a decoder takes.
TEST_F(SelectProposals, DropsExtensionsThatAreTooLarge) {
  make_group_of_three();
  RequiredCapabilities required;
  required.extension_types.resize(limits::vector_elements + 1);
  propose(
      bob,
      {GroupContextExtensions{{{ExtensionType::required_capabilities, codec::encode(required)}}}});
  EXPECT_EQ(alice.commit({}).staged.next->context.extensions, Extensions{});
}

// 12.3: the extensions that are taken judge who is added.
TEST_F(SelectProposals, DropsAnAddThatDoesNotFitTheNewExtensions) {
  make_group_of_three();
  RequiredCapabilities required{.credential_types = {CredentialType::basic}};
  Extensions extensions{{ExtensionType::required_capabilities, codec::encode(required)}};
  propose_to_add(dave, [](auto& kp) {
    kp.leaf_node.credential.credential_type = CredentialType::x509;
    kp.leaf_node.capabilities.credentials = {CredentialType::x509};
  });
  propose(bob, {GroupContextExtensions{extensions}});
  NewCommit commit = alice.commit({});
  EXPECT_TRUE(commit.staged.added.empty());
  EXPECT_EQ(commit.staged.next->context.extensions, extensions);
  merge(std::move(commit));
}

TEST_F(SelectProposals, DropsAPskThatTheCommitterLacks) {
  make_group_of_three();
  propose(bob,
          {PreSharedKey{{.psktype = PskType::external, .psk_id = {1}, .psk_nonce = Bytes(32, 7)}}});
  expect_dropped(Reject::unknown_psk);
}

TEST_F(SelectProposals, AReInitGivesWayToWhatCanBeCommittedOnly) {
  make_group_of_three();
  const Proposal reinit{ReInit{{1}, ProtocolVersion::mls10, test::suite_id, {}}};
  propose(bob, reinit);
  propose(carol, reinit);
  propose_to_add(bob, {});
  EXPECT_TRUE(alice.commit({}).staged.reinit.has_value());
  propose_to_add(dave, {});
  NewCommit commit = alice.commit({});
  EXPECT_FALSE(commit.staged.reinit.has_value());
  EXPECT_EQ(commit.staged.added.size(), 1u);
  merge(std::move(commit));
}

TEST_F(SelectProposals, WhatTheCommitterBringsComesFirst) {
  make_group_of_three();
  const Proposal remove{Remove{LeafIndex{2}}};
  const Proposal ours{GroupContextExtensions{{{ExtensionType::external_senders, {0}}}}};
  propose(bob, remove);
  propose(bob, {GroupContextExtensions{}});
  propose_to_add(dave, {});
  NewCommit commit = alice.commit({remove, ours, {Add{dave.key_package()}}});
  EXPECT_EQ(commit.staged.removed, std::vector{LeafIndex{2}});
  EXPECT_EQ(commit.staged.added.size(), 1u);
  EXPECT_EQ(commit.staged.next->context.extensions, ours.get<GroupContextExtensions>()->extensions);
  bob.follow(commit.message);
  NewCommit last = alice.commit({{ReInit{{1}, ProtocolVersion::mls10, test::suite_id, {}}}});
  EXPECT_TRUE(last.staged.reinit.has_value());
}

// Its removal is dropped, so that its support is needed.
TEST_F(SelectProposals, DropsACustomProposalThatTheCommitterDoesNotSupport) {
  constexpr ProposalType type{0xf005};
  alice.create();
  KeyPackage package =
      bob.key_package([](auto& kp) { kp.leaf_node.capabilities.proposals = {type}; });
  NewCommit add = alice.commit({{Add{package}}});
  alice.group->merge(std::move(add.staged));
  bob.join(package, *add.welcome);
  for (const Proposal& p : {Proposal{Remove{LeafIndex{0}}}, Proposal{Custom{type, {}}}}) {
    alice.process(bob.group->propose(p, bob.signer, now, random));
  }
  NewCommit commit = alice.commit({});
  EXPECT_TRUE(commit.staged.custom.empty());
  bob.follow(commit.message);
}

}  // namespace
}  // namespace qnpc::mls
