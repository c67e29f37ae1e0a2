// A random life of a group of real members, epoch by epoch, checked against naive_tree and a list
// of who should be in it. QNPC_PROPERTY_SEEDS=n runs n more seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "tests/mls/naive_tree.h"
#include "tests/mls/test_client.h"
#include "tests/support/seeded_random.h"

namespace qnpc::test {
namespace {

using mls::CipherSuite;
using mls::LeafIndex;
using ClientPtr = std::unique_ptr<TestClient>;

struct Shape {
  size_t max_members;
  size_t max_added;  // by one commit
  size_t epochs;
};

// A client on its way into the group.
struct Joiner {
  ClientPtr client;
  mls::NewKeyPackage own;
};

// A proposal that waits in all groups, as the oracle sees it.
struct Proposed {
  LeafIndex sender;
  mls::Proposal proposal;
};

struct InFlight {
  Bytes message;
  std::string text;
  LeafIndex sender;
  TestClient* recipient;
  uint64_t epoch;
};

class Life {
 public:
  Life(uint64_t seed, const mls::Suite& suite, Shape shape)
      : random_(seed), suite_(suite), shape_(shape), naive_(suite) {
    members_.push_back(new_client());
    members_.front()->create_group(random_);
    naive_.add(*group_of_all().tree().leaf(LeafIndex{0}));
  }

  void run() {
    for (size_t i = 0; i < shape_.epochs && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("epoch " + std::to_string(i));
      chat();
      propose();
      commit();
      most_members_ = std::max(most_members_, members_.size());
    }
  }
  size_t most_members() const { return most_members_; }

 private:
  const mls::Group& group_of_all() const { return members_.front()->group(); }

  ClientPtr new_client() {
    return std::make_unique<TestClient>(suite_, "client " + std::to_string(clients_++), random_);
  }
  Joiner new_joiner() {
    ClientPtr client = new_client();
    mls::NewKeyPackage own = client->make_key_package(random_);
    return {std::move(client), std::move(own)};
  }
  // Saving and loading changes nothing that can be seen, and what follows goes on as before.
  void maybe_reload(TestClient& client) {
    // In a large group not so often: each reads the whole tree.
    if (!random_.one_in(4 + members_.size() / 4)) return;
    const Bytes before = seen_of(client.group());
    client.save_and_reload();
    EXPECT_EQ(seen_of(client.group()), before) << client.name();
  }
  Bytes seen_of(const mls::Group& group) {
    codec::Writer w;
    codec::write(w, group.context());
    w.raw(group.tree().tree_hash(suite_));
    w.u8(group.is_active() ? 1 : 0);
    w.u32(value(group.own_leaf()));
    for (const mls::QueuedProposal& p : group.proposals()) {
      codec::write(w, p.proposal);
      codec::write(w, p.sender);
      w.opaque(p.ref);
    }
    if (group.is_active()) {
      w.raw(group.epoch_authenticator());
      w.raw(group.export_secret("label", {}, 32).reveal());
    }
    return w.take();
  }

  // A damaged copy of a message is rejected, and no stored byte is another afterwards.
  void maybe_damage(TestClient& client, Bytes message) {
    if (!random_.one_in(8 + members_.size() / 4)) return;
    const auto before = records_of(client);
    random_.pick(message) ^= static_cast<uint8_t>(1 + random_.below(255));
    EXPECT_THROW(client.receive(message), Error) << client.name();
    EXPECT_EQ(records_of(client), before) << client.name();
  }
  static std::map<std::string, Bytes> records_of(TestClient& client) {
    client.save();
    std::map<std::string, Bytes> out;
    for (const auto& [name, record] : client.storage().records()) {
      out[name] = to_bytes(record.reveal());
    }
    return out;
  }

  // Some members speak; what is under way arrives in any order, late, or never.
  void chat() {
    for (size_t i = random_.below(6); i > 0; --i) {
      TestClient& sender = *random_.pick(members_);
      std::string text = "text " + std::to_string(texts_++);
      Bytes message =
          sender.group().protect(as_view(text), sender.signer(), random_.below(100), random_);
      maybe_reload(sender);
      for (const ClientPtr& client : members_) {
        if (client.get() == &sender) continue;
        in_flight_.push_back({message, text, sender.group().own_leaf(), client.get(),
                              sender.group().context().epoch});
      }
    }
    random_.shuffle(in_flight_);
    std::vector<InFlight> later;
    for (InFlight& m : in_flight_) {
      bool kept = m.epoch + limits::mls_past_epochs > group_of_all().context().epoch;
      if (kept && random_.one_in(3)) {
        later.push_back(std::move(m));
      } else if (!random_.one_in(8)) {
        deliver(m);
      }
    }
    in_flight_ = std::move(later);
  }

  void deliver(const InFlight& m) {
    maybe_damage(*m.recipient, m.message);
    mls::Processed processed = m.recipient->receive(m.message);
    const auto& received = std::get<mls::ApplicationMessage>(processed);
    EXPECT_EQ(to_text(received.data), m.text);
    EXPECT_EQ(received.sender_index, m.sender);
    EXPECT_EQ(received.epoch, m.epoch);
    maybe_reload(*m.recipient);
    if (random_.one_in(4)) {
      EXPECT_THROW(m.recipient->receive(m.message), Error) << "a replay";
    }
  }

  // Up to three proposals by reference; they reach everybody, in an order of each one's own.
  void propose() {
    std::vector<std::pair<TestClient*, Bytes>> messages;
    for (size_t i = random_.below(4); i > 0; --i) {
      TestClient& sender = *random_.pick(members_);
      mls::Proposal proposal = some_proposal(sender);
      Bytes message =
          sender.group().propose(proposal, sender.signer(), test_time, random_, some_format());
      proposed_.push_back({sender.group().own_leaf(), std::move(proposal)});
      messages.emplace_back(&sender, std::move(message));
      maybe_reload(sender);
    }
    for (const ClientPtr& client : members_) {
      random_.shuffle(messages);
      for (const auto& [sender, message] : messages) {
        if (sender == client.get()) continue;
        maybe_damage(*client, message);
        client->receive(message);
      }
      if (!messages.empty()) maybe_reload(*client);
    }
  }

  mls::WireFormat some_format() {
    return random_.one_in(2) ? mls::WireFormat::private_message : mls::WireFormat::public_message;
  }

  mls::Proposal some_proposal(TestClient& sender) {
    switch (random_.below(3)) {
      case 0:
        if (members_.size() + joiners_.size() < shape_.max_members) {
          joiners_.push_back(new_joiner());
          return {mls::Add{joiners_.back().own.key_package}};
        }
        [[fallthrough]];
      case 1:
        if (!has_proposed_update(sender)) {
          return sender.group().make_update(sender.signer(), random_);
        }
        [[fallthrough]];
      default: return {mls::Remove{random_.pick(members_)->group().own_leaf()}};
    }
  }

  // One for each member, so that all agree on which is the last.
  bool has_proposed_update(const TestClient& sender) const {
    return std::ranges::any_of(proposed_, [&](const Proposed& p) {
      return p.sender == sender.group().own_leaf() && p.proposal.get<mls::Update>() != nullptr;
    });
  }

  // A commit lists proposals in the order in which they came to its author.
  void order_joiners_as_seen_by(const TestClient& committer) {
    auto place = [&](const Joiner& joiner) {
      const mls::ProposalList& list = committer.group().proposals();
      return std::ranges::find_if(list, [&](const mls::QueuedProposal& p) {
        const auto* add = p.proposal.get<mls::Add>();
        return add != nullptr && add->key_package.init_key == joiner.own.key_package.init_key;
      });
    };
    std::ranges::sort(joiners_, {}, place);
  }

  // What the commit should do, from the rules of 12.2 alone.
  struct Expected {
    std::map<LeafIndex, mls::LeafNode> updated;
    std::set<LeafIndex> removed;
    bool empty = true;
  };

  Expected expected_of(LeafIndex committer) {
    Expected out;
    for (const Proposed& p : proposed_) {
      const auto* remove = p.proposal.get<mls::Remove>();
      if (remove != nullptr && remove->removed != committer) out.removed.insert(remove->removed);
    }
    for (const Proposed& p : proposed_) {
      const auto* update = p.proposal.get<mls::Update>();
      if (update == nullptr || p.sender == committer || out.removed.contains(p.sender)) continue;
      out.updated.insert_or_assign(p.sender, update->leaf_node);
    }
    out.empty = out.updated.empty() && out.removed.empty() && joiners_.empty();
    return out;
  }

  // Adds and removes by value, beside what was proposed.
  std::vector<mls::Proposal> by_value(LeafIndex committer, Expected& expected) {
    std::vector<mls::Proposal> out;
    for (size_t i = random_.below(shape_.max_added + 1); i > 0; --i) {
      if (members_.size() + joiners_.size() >= shape_.max_members) break;
      joiners_.push_back(new_joiner());
      out.push_back({mls::Add{joiners_.back().own.key_package}});
    }
    for (size_t i = random_.one_in(3) ? 1 + random_.below(members_.size() / 4 + 1) : 0; i > 0;
         --i) {
      LeafIndex target = random_.pick(members_)->group().own_leaf();
      if (target == committer || expected.updated.contains(target)) continue;
      if (expected.removed.insert(target).second) out.push_back({mls::Remove{target}});
    }
    expected.empty = expected.empty && out.empty();
    return out;
  }

  void commit() {
    TestClient& committer = *random_.pick(members_);
    if (random_.one_in(4)) lose_a_race(*random_.pick(members_));
    const LeafIndex index = committer.group().own_leaf();
    order_joiners_as_seen_by(committer);
    Expected expected = expected_of(index);
    mls::CommitOptions options{.proposals = by_value(index, expected),
                               .force_path = random_.one_in(2),
                               .wire_format = some_format()};
    mls::NewCommit made = committer.group().commit(options, committer.signer(), test_time, random_);
    const bool path_expected =
        options.force_path || expected.empty || expected.updated.size() + expected.removed.size();

    check_next_epoch(made.staged, index, expected, path_expected);
    const Bytes message = made.message;
    const std::optional<Bytes> joiners = made.welcome;
    committer.group().discard_pending();
    committer.group().set_pending(std::move(made));
    maybe_reload(committer);
    EXPECT_EQ(committer.group().pending()->message, message);
    EXPECT_EQ(committer.group().pending()->welcome, joiners);
    committer.group().merge_pending();
    maybe_reload(committer);
    spread(committer, message, expected);
    welcome(joiners);
    proposed_.clear();
    check_agreement();
  }

  // Somebody whose commit the server does not take: it is pending until the other one comes, or
  // given up before.
  void lose_a_race(TestClient& loser) {
    loser.group().discard_pending();
    loser.group().set_pending(loser.group().commit({}, loser.signer(), test_time, random_));
    maybe_reload(loser);
    if (random_.one_in(4)) loser.group().discard_pending();
  }

  void check_next_epoch(const mls::StagedCommit& staged, LeafIndex committer,
                        const Expected& expected, bool path_expected) {
    const mls::RatchetTree& tree = staged.next->tree;
    for (const auto& [index, leaf] : expected.updated) naive_.update(value(index), leaf);
    for (LeafIndex index : expected.removed) naive_.remove(value(index));
    std::vector<LeafIndex> added;
    for (const Joiner& joiner : joiners_) {
      added.push_back(LeafIndex{naive_.add(joiner.own.key_package.leaf_node)});
    }
    EXPECT_EQ(staged.added, added);
    EXPECT_EQ(std::set(staged.removed.begin(), staged.removed.end()), expected.removed);
    EXPECT_EQ(staged.updated.size(), expected.updated.size());

    const mls::LeafNode leaf = *tree.leaf(committer);
    const bool has_path = leaf != *staged.old_tree.leaf(committer);
    EXPECT_EQ(has_path, path_expected);
    if (has_path) {
      std::vector<Bytes> keys;
      for (mls::NodeIndex node : naive_.filtered_direct_path(value(committer))) {
        ASSERT_NE(tree.parent(node), nullptr);
        keys.push_back(tree.parent(node)->encryption_key);
      }
      EXPECT_EQ(naive_.set_path(value(committer), leaf, keys), leaf.parent_hash);
    }
    check_tree(tree);
  }

  void check_tree(const mls::RatchetTree& tree) {
    EXPECT_EQ(naive_.difference(tree), "");
    EXPECT_TRUE(naive_.parent_hashes_valid());
    for (LeafIndex member : tree.members()) {
      EXPECT_EQ(tree.filtered_direct_path(member), naive_.filtered_direct_path(value(member)));
    }
  }

  // The commit reaches the others; who is removed leaves the list, with or without noticing.
  void spread(const TestClient& committer, const Bytes& message, const Expected& expected) {
    for (const ClientPtr& gone : removed_) {
      EXPECT_THROW(gone->receive(message), Error) << gone->name() << " was removed before";
    }
    std::vector<ClientPtr> remaining;
    for (ClientPtr& client : members_) {
      const bool removed = expected.removed.contains(client->group().own_leaf());
      if (client.get() != &committer && !(removed && random_.one_in(2))) {
        process_commit(*client, message, removed);
      }
      (removed ? removed_ : remaining).push_back(std::move(client));
    }
    members_ = std::move(remaining);
    std::erase_if(in_flight_, [&](const InFlight& m) {
      return std::ranges::none_of(members_, [&](const auto& c) { return c.get() == m.recipient; });
    });
    if (removed_.size() > 8) removed_.erase(removed_.begin(), removed_.end() - 8);
  }

  void process_commit(TestClient& client, const Bytes& message, bool removed) {
    maybe_damage(client, message);
    mls::Processed processed = client.receive(message);
    auto& staged = std::get<mls::StagedCommit>(processed);
    EXPECT_EQ(staged.next.has_value(), !removed);
    client.group().merge(std::move(staged));
    EXPECT_EQ(client.group().is_active(), !removed);
    maybe_reload(client);
  }

  void welcome(const std::optional<Bytes>& welcome) {
    EXPECT_EQ(welcome.has_value(), !joiners_.empty());
    for (Joiner& joiner : joiners_) {
      joiner.client->join(*welcome, joiner.own);
      maybe_reload(*joiner.client);
      members_.push_back(std::move(joiner.client));
    }
    joiners_.clear();
  }

  void check_agreement() {
    const Bytes authenticator = group_of_all().epoch_authenticator();
    const Bytes tree_hash = naive_.tree_hash();
    std::set<std::string> names, in_tree;
    for (const ClientPtr& client : members_) {
      EXPECT_EQ(client->group().epoch_authenticator(), authenticator) << client->name();
      EXPECT_EQ(tree_hash, client->group().tree().tree_hash(suite_)) << client->name();
      names.insert(client->name());
    }
    for (const mls::Member& member : group_of_all().members()) {
      in_tree.insert(to_text(member.leaf->credential.identity));
    }
    EXPECT_EQ(in_tree, names);
  }

  SeededRandom random_;
  const mls::Suite& suite_;
  Shape shape_;
  NaiveTree naive_;
  std::vector<ClientPtr> members_;
  std::vector<ClientPtr> removed_;  // the last few
  std::vector<Joiner> joiners_;     // in the order in which the commit adds them
  std::vector<Proposed> proposed_;
  std::vector<InFlight> in_flight_;
  size_t most_members_ = 0;
  size_t clients_ = 0;
  size_t texts_ = 0;
};

// Returns how many members there were at most.
size_t live(uint64_t seed, Shape shape) {
  constexpr CipherSuite suites[] = {
      CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519,
      CipherSuite::mls_128_dhkemp256_aes128gcm_sha256_p256,
      CipherSuite::mls_128_dhkemx25519_chacha20poly1305_sha256_ed25519,
      CipherSuite::mls_256_xwing_chacha20poly1305_sha256_ed25519};
  SCOPED_TRACE("seed " + std::to_string(seed));
  Life life(seed, mls::suite_of(suites[seed % std::size(suites)]), shape);
  life.run();
  return life.most_members();
}

constexpr Shape small{.max_members = 9, .max_added = 3, .epochs = 25};
constexpr Shape large{.max_members = 64, .max_added = 20, .epochs = 10};
constexpr Shape largest{.max_members = 200, .max_added = 100, .epochs = 6};

TEST(GroupProperty, SmallGroups) {
  for (uint64_t seed : {1, 2, 3, 4}) live(seed, small);
}

TEST(GroupProperty, LargeGroup) { live(3, large); }
TEST(GroupProperty, GroupOfTwoHundred) { EXPECT_GT(live(6, largest), 150u); }

TEST(GroupProperty, MoreSeeds) {
  const char* count = std::getenv("QNPC_PROPERTY_SEEDS");
  if (count == nullptr) GTEST_SKIP() << "QNPC_PROPERTY_SEEDS says how many more seeds to run";
  for (uint64_t seed = 100; seed < 100 + std::strtoull(count, nullptr, 10); ++seed) {
    live(seed, seed % 8 == 0 ? large : small);
  }
}

}  // namespace
}  // namespace qnpc::test
