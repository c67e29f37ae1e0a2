// What a committer can ask of commit() beyond a plain commit.

#include "qnpc/mls/group.h"
#include "tests/support/mls_insider.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;

class GroupCommitTest : public test::GroupOfThree {
 protected:
  // Proposes, and everybody knows of it.
  ProposalRef propose(Insider& by, Proposal proposal) {
    Bytes message = by.group->propose(std::move(proposal), by.signer, now, random);
    for (Insider* member : {&alice, &bob, &carol}) {
      if (member != &by) member->process(message);
    }
    return by.group->proposals().back().ref;
  }
};

TEST_F(GroupCommitTest, CommitsExactlyTheReferencesThatItIsGiven) {
  make_group_of_three();
  ProposalRef update = propose(bob, bob.group->make_update(bob.signer, random));
  propose(carol, {Remove{LeafIndex{1}}});
  CommitOptions options{.references = std::vector<ProposalRef>{update}};
  NewCommit commit = alice.group->commit(options, alice.signer, now, random);
  EXPECT_EQ(commit.staged.updated, std::vector{LeafIndex{1}});
  EXPECT_TRUE(commit.staged.removed.empty());
  for (Insider* member : {&bob, &carol}) member->follow(commit.message);
  alice.group->merge(std::move(commit.staged));
  expect_agreement();
}

TEST_F(GroupCommitTest, RefusesReferencesThatItCannotCommit) {
  make_group_of_three();
  auto expect = [&](ProposalRef ref, Reject why) {
    CommitOptions options{.references = std::vector<ProposalRef>{std::move(ref)}};
    EXPECT_EQ(test::reject_of([&] { alice.group->commit(options, alice.signer, now, random); }),
              why);
  };
  expect(Bytes(32), Reject::unknown_proposal_reference);
  expect(propose(alice, alice.group->make_update(alice.signer, random)),
         Reject::update_by_committer);
}

// Every receiver would reject the commit, and who made it would go on alone.
TEST_F(GroupCommitTest, RefusesALeafOfOursThatOthersWouldReject) {
  make_group_of_three();
  auto expect = [&](Extensions extensions, Reject why) {
    CommitOptions options{.new_leaf_extensions = std::move(extensions)};
    auto before = alice.state();
    EXPECT_EQ(test::reject_of([&] { alice.group->commit(options, alice.signer, now, random); }),
              why);
    EXPECT_EQ(alice.state(), before);
  };
  expect({{ExtensionType{0xf123}, {}}}, Reject::unsupported_extension);
  expect(Extensions(2, {ExtensionType::application_id, {}}), Reject::duplicate_extension);
  CommitOptions options{.new_credential = Credential{CredentialType::x509, {}, {}}};
  EXPECT_EQ(test::reject_of([&] { alice.group->commit(options, alice.signer, now, random); }),
            Reject::unsupported_credential);
}

TEST_F(GroupCommitTest, TheTreeMayTravelBesideTheWelcome) {
  make_group_of_three();
  KeyPackage d = dave.key_package();
  CommitOptions options{.proposals = {{Add{d}}}, .tree_in_welcome = false};
  NewCommit commit = alice.group->commit(options, alice.signer, now, random);
  auto welcome = std::get<Welcome>(parse_message(*commit.welcome).content);
  EXPECT_THROW(Group::join(welcome, {d, dave.keys}), Rejected);
  Group joined = Group::join(
      welcome, {.key_package = d, .keys = dave.keys, .ratchet_tree = commit.staged.next->tree});
  alice.group->merge(std::move(commit.staged));
  EXPECT_EQ(joined.epoch_authenticator(), alice.group->epoch_authenticator());
}

TEST_F(GroupCommitTest, ResumptionPsksOfLongAgoComeFromTheLookup) {
  make_group_of_three();
  PreSharedKeyId id =
      alice.group->resumption_psk_id(ResumptionPskUsage::application, random.bytes(32));
  Secret psk = alice.group->resumption_psk();
  auto lookup = [&](const PreSharedKeyId& wanted) {
    return wanted == id ? std::optional(psk.clone()) : std::nullopt;
  };
  for (size_t i = 0; i <= limits::mls_past_epochs; ++i) {
    NewCommit commit = bob.commit({});
    for (Insider* member : {&alice, &carol}) member->follow(commit.message);
    bob.group->merge(std::move(commit.staged));
  }
  CommitOptions options{.proposals = {{PreSharedKey{id}}}};
  EXPECT_THROW(alice.group->commit(options, alice.signer, now, random), Rejected);
  NewCommit commit = alice.group->commit(options, alice.signer, now, random, lookup);
  expect_reject(bob, commit.message, Reject::unknown_psk);
  auto staged = std::get<StagedCommit>(bob.process(commit.message, lookup));
  bob.group->merge(std::move(staged));
  alice.group->merge(std::move(commit.staged));
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
}

TEST_F(GroupCommitTest, ARemovedMemberDerivesNothingFromNoSecrets) {
  make_group_of_three();
  NewCommit commit = alice.commit({{Remove{LeafIndex{2}}}});
  carol.follow(commit.message);
  EXPECT_THROW(carol.group->export_secret("label", {}, 32), Rejected);
  EXPECT_THROW(carol.group->resumption_psk(), Rejected);
  EXPECT_THROW(carol.group->group_info(carol.signer), Rejected);
  EXPECT_TRUE(carol.group->epoch_authenticator().empty());
}

// Else the second would keep the first, which has to stand alone, from every commit (12.2).
TEST_F(GroupCommitTest, AProposalThatComesTwiceWaitsOnce) {
  make_group_of_three();
  Bytes message = bob.group->propose({ReInit{{1}, ProtocolVersion::mls10, test::suite_id, {}}},
                                     bob.signer, now, random, WireFormat::public_message);
  alice.process(message);
  auto before = alice.state();
  auto again = std::get<ReceivedProposal>(alice.process(message));
  EXPECT_EQ(again.proposal.ref, bob.group->proposals()[0].ref);
  EXPECT_EQ(alice.state(), before);
  EXPECT_EQ(alice.group->proposals().size(), 1u);
  EXPECT_TRUE(alice.commit({}).staged.reinit.has_value());
}

}  // namespace
}  // namespace qnpc::mls
