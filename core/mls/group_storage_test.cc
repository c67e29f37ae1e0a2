// What a group leaves in its storage: no more than changed, nothing that is used up, and never half
// a state. docs/group-storage.md.
#include <algorithm>

#include "qnpc/mls/epoch_storage.h"
#include "tests/support/mls_insider.h"
#include "tests/support/reject_of.h"

namespace qnpc::test {
namespace {

using mls::LeafIndex;
using mls::NewCommit;
using mls::StagedCommit;

bool holds(const MemoryStorage& storage, const Secret& value) {
  return std::ranges::any_of(storage.records(), [&](const auto& record) {
    return !std::ranges::search(record.second.reveal(), value.reveal()).empty();
  });
}

Reason reason_of_load(const Storage& storage) {
  try {
    mls::Group::load(storage);
  } catch (const Error& error) {
    return error.reason();
  }
  ADD_FAILURE() << "it loads";
  return Reason::internal;
}

/// Bob's group goes to a storage and comes back after each step.
class GroupStorage : public GroupOfThree {
 protected:
  GroupStorage() { make_group_of_three(); }

  void reload() {
    bob.group->save(storage);
    bob.group = mls::Group::load(storage);
  }
  Bytes text_from(Insider& sender) {
    return sender.group->protect(as_view("text"), sender.signer, 0, random);
  }
  std::string received_by_bob(const Bytes& message) {
    return to_text(std::get<mls::ApplicationMessage>(bob.process(message)).data);
  }
  void bob_sets_pending(std::vector<mls::Proposal> proposals = {}) {
    NewCommit commit = bob.commit(std::move(proposals));
    sent_ = commit.message;
    bob.group->set_pending(std::move(commit));
  }

  MemoryStorage storage;
  Bytes sent_;
};

// --- A commit that waits to be accepted ---

TEST_F(GroupStorage, PendingCommitSurvivesARestartAndIsMerged) {
  mls::KeyPackage d = dave.key_package();
  NewCommit commit = bob.commit({{mls::Add{d}}});
  const Bytes message = commit.message, welcome = *commit.welcome;
  bob.group->set_pending(std::move(commit));
  reload();
  ASSERT_NE(bob.group->pending(), nullptr);
  EXPECT_EQ(bob.group->pending()->message, message);
  EXPECT_EQ(bob.group->pending()->welcome, welcome);
  ASSERT_EQ(bob.group->pending()->proposals.size(), 1u);
  EXPECT_NE(bob.group->pending()->proposals[0].get<mls::Add>(), nullptr);
  EXPECT_EQ(bob.group->pending()->staged.added, std::vector<LeafIndex>{LeafIndex{3}});
  EXPECT_EQ(received_by_bob(text_from(alice)), "text");  // meanwhile life goes on
  reload();

  bob.group->merge_pending();
  reload();
  EXPECT_EQ(bob.group->pending(), nullptr);
  alice.follow(message);
  carol.follow(message);
  dave.join(d, welcome);
  expect_agreement();
  EXPECT_EQ(received_by_bob(text_from(dave)), "text");
}

// 14: of two commits the server takes one, and the loser makes its own again.
TEST_F(GroupStorage, ForeignCommitWhileOursIsPending) {
  bob_sets_pending({{mls::Remove{LeafIndex{2}}}});
  reload();
  const Bytes winner = alice.commit({}).message;
  StagedCommit staged = std::get<StagedCommit>(bob.process(winner));
  std::vector<mls::Proposal> again = bob.group->pending()->proposals;
  bob.group->merge(std::move(staged));
  EXPECT_EQ(bob.group->pending(), nullptr);
  reload();
  EXPECT_EQ(bob.group->pending(), nullptr);
  EXPECT_THROW(bob.group->merge_pending(), Error);
  carol.follow(winner);
  EXPECT_EQ(bob.group->epoch_authenticator(), carol.group->epoch_authenticator());

  bob_sets_pending(std::move(again));
  bob.group->merge_pending();
  carol.follow(sent_);
  EXPECT_FALSE(carol.group->is_active());
}

TEST_F(GroupStorage, DiscardedCommitLeavesNothing) {
  const auto before = bob.state();
  bob_sets_pending();
  reload();
  const Secret init = bob.group->pending()->staged.next->secrets.init_secret.clone();
  EXPECT_TRUE(holds(storage, init));
  bob.group->discard_pending();
  reload();
  EXPECT_FALSE(holds(storage, init));
  EXPECT_EQ(bob.state(), before);
  bob_sets_pending();  // and the next may be set
  EXPECT_NE(bob.group->pending(), nullptr);
}

TEST_F(GroupStorage, RemovedWhileACommitIsPending) {
  bob_sets_pending();
  reload();
  NewCommit removal = alice.commit({{mls::Remove{LeafIndex{1}}}});
  bob.follow(removal.message);
  reload();
  EXPECT_FALSE(bob.group->is_active());
  EXPECT_EQ(bob.group->pending(), nullptr);
  for (const auto& [name, record] : storage.records()) {
    EXPECT_FALSE(name.starts_with("group/secret/") || name.starts_with("group/past/") ||
                 name.starts_with("group/pending"))
        << name;
  }
}

TEST_F(GroupStorage, NoCommitIsPendingAfterOurRemoval) {
  NewCommit ours = bob.commit({});
  NewCommit removal = alice.commit({{mls::Remove{LeafIndex{1}}}});
  bob.follow(removal.message);
  EXPECT_EQ(test::reject_of([&] { bob.group->set_pending(std::move(ours)); }),
            mls::Reject::group_suspended);
  EXPECT_EQ(bob.group->pending(), nullptr);
}

TEST_F(GroupStorage, OneCommitIsPendingAndOfThisEpoch) {
  bob_sets_pending();
  EXPECT_THROW(bob.group->set_pending(bob.commit({})), Error);
  NewCommit late = bob.commit({});
  bob.follow(alice.commit({}).message);
  EXPECT_THROW(bob.group->set_pending(std::move(late)), mls::Rejected);
}

// Each kind of change to the tree: wider, narrower, and by a leaf.
TEST_F(GroupStorage, PendingCommitOfEveryShape) {
  std::vector<mls::Proposal> adds;
  for (int i = 0; i < 3; ++i) adds.push_back({mls::Add{Insider(random).key_package()}});
  std::vector<std::vector<mls::Proposal>> steps{adds, {}, {}};
  for (uint32_t i = 3; i < 6; ++i) steps.back().push_back({mls::Remove{LeafIndex{i}}});
  for (std::vector<mls::Proposal>& step : steps) {
    bob_sets_pending(std::move(step));
    reload();
    bob.group->merge_pending();
    reload();
    alice.follow(sent_);
    carol.follow(sent_);
    expect_agreement();
  }
}

// --- Restarts ---

TEST_F(GroupStorage, MessagesOfPastEpochsOpenAfterARestart) {
  std::vector<Bytes> in_flight;
  for (int i = 0; i < 3; ++i) {
    in_flight.push_back(text_from(carol));
    // The sender's leaf is another in each epoch.
    NewCommit commit = carol.commit({});
    carol.group->merge(std::move(commit.staged));
    alice.follow(commit.message);
    bob.follow(commit.message);
    reload();
  }
  for (const Bytes& message : in_flight) {
    EXPECT_EQ(received_by_bob(message), "text");
    reload();
    EXPECT_THROW(bob.process(message), Error) << "a replay after a restart";
  }
}

// A leaf that was removed and given to somebody else: the old message is still its old owner's.
TEST_F(GroupStorage, ReusedLeafOfAPastEpoch) {
  Bytes late = text_from(carol);
  mls::KeyPackage d = dave.key_package();
  NewCommit commit = alice.commit({{mls::Remove{LeafIndex{2}}}, {mls::Add{d}}});
  alice.group->merge(std::move(commit.staged));
  bob.follow(commit.message);
  dave.join(d, *commit.welcome);
  reload();
  auto received = std::get<mls::ApplicationMessage>(bob.process(late));
  EXPECT_EQ(received.sender.signature_key, carol.signer.public_key);
  auto fresh = std::get<mls::ApplicationMessage>(bob.process(text_from(dave)));
  EXPECT_EQ(fresh.sender.signature_key, dave.signer.public_key);
  EXPECT_EQ(fresh.sender_index, received.sender_index);
}

TEST_F(GroupStorage, NoKeyIsUsedTwiceAfterARestart) {
  for (int i = 0; i < 3; ++i) {
    Bytes message = text_from(bob);
    auto opened = std::get<mls::ApplicationMessage>(alice.process(message));
    EXPECT_EQ(opened.sender_index, LeafIndex{1});  // a used generation would be refused
    reload();
  }
}

// A transaction that was rolled back, or another storage: a delta alone would not do.
TEST_F(GroupStorage, StorageThatMissedAnEpochIsWrittenWhole) {
  reload();
  MemoryStorage other;
  bob.group->save(other);
  EXPECT_EQ(mls::Group::load(other).epoch_authenticator(), bob.group->epoch_authenticator());
  for (MemoryStorage* place : {&other, &storage}) {
    NewCommit commit = alice.commit({});
    bob.follow(commit.message);
    alice.group->merge(std::move(commit.staged));
    bob.group->save(*place);  // it alone has seen this epoch
    EXPECT_EQ(mls::Group::load(*place).epoch_authenticator(), bob.group->epoch_authenticator());
  }
}

// --- Used secrets are gone, RFC 9420 9.2 ---

TEST_F(GroupStorage, UsedKeysAreGone) {
  reload();
  const std::string prefix = mls::record::secrets(bob.group->context().epoch);
  const mls::SecretTree before = mls::load_epoch(storage).secret_tree;
  auto key_of = [&](LeafIndex leaf, uint32_t generation) {
    return before.find(leaf, mls::RatchetType::application, generation);
  };
  const Secret root = storage.get(prefix + "3")->clone();
  const Bytes skipped = text_from(alice);
  received_by_bob(text_from(alice));
  text_from(bob);
  reload();
  EXPECT_FALSE(holds(storage, root));
  EXPECT_FALSE(storage.get(prefix + "3")) << "the root was split";
  EXPECT_TRUE(holds(storage, key_of(LeafIndex{0}, 0).key.key)) << "kept: it was not used yet";
  for (auto [leaf, generation] : {std::pair{0u, 1u}, {1u, 0u}}) {
    const mls::SecretTree::Found used = key_of(LeafIndex{leaf}, generation);
    EXPECT_FALSE(holds(storage, used.key.key));
    EXPECT_FALSE(holds(storage, used.key.nonce));
  }
  const Secret ratchet = key_of(LeafIndex{0}, 1).ratchets[1].secret.clone();
  EXPECT_TRUE(holds(storage, ratchet)) << "what the next key comes from";
  received_by_bob(text_from(alice));
  received_by_bob(skipped);
  reload();
  EXPECT_FALSE(holds(storage, ratchet));
  EXPECT_FALSE(holds(storage, key_of(LeafIndex{0}, 0).key.key));
}

TEST_F(GroupStorage, SecretsOfAnEpochThatIsOverAreGone) {
  reload();
  const mls::Epoch old = mls::load_epoch(storage);
  bob_sets_pending();  // new keys of ours on the whole path
  reload();
  bob.group->merge_pending();
  reload();
  const mls::EpochSecrets& s = old.secrets;
  for (const Secret* secret : {&s.init_secret, &s.exporter_secret, &s.external_secret,
                               &s.confirmation_key, &s.membership_key, &s.epoch_authenticator}) {
    EXPECT_FALSE(holds(storage, *secret));
  }
  for (const auto& [node, key] : old.keys.all()) EXPECT_FALSE(holds(storage, key->private_key));
  EXPECT_TRUE(holds(storage, s.resumption_psk)) << "kept for the next epochs";
  for (size_t i = 0; i < limits::mls_past_epochs; ++i) {
    bob_sets_pending();
    bob.group->merge_pending();
    reload();
  }
  EXPECT_FALSE(holds(storage, s.resumption_psk));
  EXPECT_FALSE(holds(storage, s.sender_data_secret));
  EXPECT_FALSE(storage.get(mls::record::past(old.context.epoch)));
  const std::string secrets = mls::record::secrets(old.context.epoch);
  for (const auto& [name, record] : storage.records()) EXPECT_FALSE(name.starts_with(secrets));
}

// --- What is damaged does not load ---

TEST_F(GroupStorage, MissingOrCutRecordsAreCorrupt) {
  reload();
  EXPECT_EQ(received_by_bob(text_from(alice)), "text");
  NewCommit commit = alice.commit({});
  alice.group->merge(std::move(commit.staged));
  bob.follow(commit.message);
  mls::Proposal update = bob.group->make_update(bob.signer, random);
  bob.group->propose(std::move(update), bob.signer, now, random);
  bob_sets_pending({{mls::Add{dave.key_package()}}});
  reload();
  std::vector<std::string> names;
  for (const auto& [name, record] : storage.records()) names.push_back(name);
  ASSERT_GT(names.size(), 15u);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Secret record = *storage.get(name);
    storage.erase(name);
    EXPECT_EQ(reason_of_load(storage),
              name == mls::record::header ? Reason::not_found : Reason::corrupt);
    const size_t step = std::max<size_t>(1, record.size() / 50);
    for (size_t size = 0; size < record.size(); size += step) {
      storage.put(name, Secret::copy_of(record.reveal().first(size)));
      EXPECT_EQ(reason_of_load(storage), Reason::corrupt) << size;
    }
    Bytes longer = to_bytes(record.reveal());
    longer.push_back(0);
    storage.put(name, Secret::copy_of(longer));
    EXPECT_EQ(reason_of_load(storage), Reason::corrupt) << "with a byte behind it";
    storage.put(name, record);
  }
  EXPECT_NO_THROW(mls::Group::load(storage));
}

// A changed byte is noticed, or is a key that fits nothing; it never ends the process.
TEST_F(GroupStorage, ChangedBytesDoNoHarm) {
  bob_sets_pending({{mls::Add{dave.key_package()}}});
  reload();
  const Bytes message = text_from(alice);
  std::vector<std::string> names;
  for (const auto& [name, record] : storage.records()) names.push_back(name);
  for (const std::string& name : names) {
    const Secret record = *storage.get(name);
    const size_t step = 1 + record.size() / 60;
    for (size_t i = 0; i < record.size(); i += step) {
      Secret changed = record.clone();
      changed.reveal_mutable()[i] ^= 0x81;
      storage.put(name, changed);
      try {
        mls::Group group = mls::Group::load(storage);
        if (group.pending() != nullptr) group.merge_pending();
        group.protect(as_view("text"), bob.signer, 0, random);
        group.process(mls::parse_message(message), now);
      } catch (const Error&) {
      }
    }
    storage.put(name, record);
  }
  EXPECT_EQ(mls::Group::load(storage).epoch_authenticator(), bob.group->epoch_authenticator());
}

TEST_F(GroupStorage, RecordsOfAnotherEpochAreCorrupt) {
  reload();
  const Secret epoch = *storage.get(mls::record::epoch), node = *storage.get("group/node/0");
  NewCommit commit = alice.commit({});
  bob.follow(commit.message);
  reload();
  for (const auto& [name, old] : {std::pair<std::string, const Secret*>{mls::record::epoch, &epoch},
                                  {"group/node/0", &node}}) {
    const Secret record = *storage.get(name);
    storage.put(name, *old);
    EXPECT_EQ(reason_of_load(storage), Reason::corrupt) << name;
    storage.put(name, record);
  }
}

TEST(GroupStorageVersion, AnotherOneIsUnsupported) {
  MemoryStorage storage;
  EXPECT_EQ(reason_of_load(storage), Reason::not_found);
  for (uint8_t version : {1, 3}) {
    storage.put("group", Secret::copy_of(Bytes{0, version, 1, 0, 0}));
    EXPECT_EQ(reason_of_load(storage), Reason::unsupported);
  }
}

}  // namespace
}  // namespace qnpc::test
