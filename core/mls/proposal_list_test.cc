// Which of the proposals that wait a committer takes, RFC 9420 12.2: no member can block the
// others' commits by proposing what cannot be committed.
#include "qnpc/mls/proposal_list.h"

#include "tests/support/mls_insider.h"

namespace qnpc::mls {
namespace {

using test::Insider;

TEST(SelectProposals, DropsAnAddOfWhoIsThereAlready) {
  crypto::SystemRandom random;
  Insider alice{random}, bob{random};
  alice.create();
  KeyPackage package = bob.key_package();
  NewCommit add = alice.commit({{Add{package}}});
  alice.group->merge(std::move(add.staged));
  bob.join(package, *add.welcome);

  for (Insider* present : {&alice, &bob}) {
    Proposal again{Add{present->key_package()}};
    alice.process(bob.group->propose(std::move(again), bob.signer, test::now, random));
  }
  NewCommit commit = alice.commit({});
  EXPECT_TRUE(commit.staged.added.empty());
  bob.follow(commit.message);
  alice.group->merge(std::move(commit.staged));
  EXPECT_EQ(alice.group->members().size(), 2u);
  EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
}

}  // namespace
}  // namespace qnpc::mls
