#include "mls_world.h"

#include "measure.h"
#include "qnpc/group/identity.h"
#include "qnpc/group/key_package.h"

namespace qnpc::bench {
namespace {

using namespace mls;

// The public half of a group whose members commit one after the other.
class PublicGroup {
 public:
  PublicGroup(const Suite& suite, Bytes group_id, Random& random)
      : suite_(suite), group_id_(std::move(group_id)), random_(random) {}

  void add(const Client& client) { tree_.add_leaf(client.package.leaf_node); }
  void remove(LeafIndex index) { tree_.remove_leaf(index); }

  // 7.5: fresh keys from that member's leaf to the root.
  PathSecrets commit(LeafIndex index, const Client& client) {
    PathSecrets secrets =
        derive_path(suite_, tree_.filtered_direct_path(index), random_.secret(suite_.hash_size()));
    std::vector<Bytes> keys;
    for (const PathStep& step : secrets.steps) keys.push_back(step.key->public_key);
    LeafNode leaf = tree_.leaf(index)->renewed(
        LeafNodeSource::commit, crypto::generate_hpke_key(suite_.kem(), random_).public_key,
        client.signer.public_key);
    leaf.parent_hash = set_path(suite_, tree_, index, keys);
    leaf.sign(suite_, client.signer, LeafPosition{group_id_, index});
    tree_.set_leaf(index, std::move(leaf));
    return secrets;
  }

  // 12.4.3: for those whom `committer` added with that path.
  Bytes welcome(LeafIndex committer, const Client& signer, const PathSecrets& path,
                const std::vector<std::pair<LeafIndex, const Client*>>& added) {
    GroupContext context{.cipher_suite = suite_.id,
                         .group_id = group_id_,
                         .epoch = 1,
                         .tree_hash = tree_.tree_hash(suite_),
                         .confirmed_transcript_hash = random_.bytes(suite_.hash_size()),
                         .extensions = {}};
    Secret joiner = random_.secret(suite_.hash_size());
    Secret psk = psk_secret(suite_, {});
    EpochKeys keys = epoch_keys(suite_, joiner, psk, codec::encode(context));
    GroupInfo info{.group_context = context,
                   .extensions = {{ExtensionType::ratchet_tree, codec::encode(tree_)}},
                   .confirmation_tag =
                       confirmation_tag(suite_, keys.secrets, context.confirmed_transcript_hash),
                   .signer = committer};
    info.sign(suite_, signer.signer);
    Welcome out{.cipher_suite = suite_.id};
    out.encrypted_group_info =
        encrypt_group_info(suite_, welcome_secret(suite_, joiner, psk), info);
    std::vector<WelcomeShare> shares;
    for (const auto& [index, client] : added) {
      GroupSecrets secrets{.joiner_secret = joiner.clone()};
      NodeIndex ancestor = common_ancestor(index, committer);
      for (const PathStep& step : path.steps) {
        if (step.node == ancestor) secrets.path_secret = PathSecret{step.path_secret.clone()};
      }
      shares.push_back({&client->package, std::move(secrets),
                        random_.secret(crypto::hpke_seed_size(suite_.kem()))});
    }
    out.secrets = encrypt_group_secrets(suite_, shares, out.encrypted_group_info);
    return to_message(std::move(out));
  }

 private:
  const Suite& suite_;
  Bytes group_id_;
  Random& random_;
  RatchetTree tree_;
};

World with_clients(const Suite& suite, crypto::SystemRandom& random) {
  return {.suite = suite,
          .random = random,
          .alice = make_client(suite, random),
          .bob = make_client(suite, random)};
}

World make_bare(const Suite& suite, uint32_t members, crypto::SystemRandom& random) {
  World out = with_clients(suite, random);
  std::vector<Client> others;
  for (uint32_t i = 2; i < members; ++i) others.push_back(make_client(suite, random));
  std::vector<const Client*> added;
  for (const Client& client : others) added.push_back(&client);
  added.insert(added.begin() + (members / 2 - 1), &out.bob);
  out.alice_group.emplace(create_group(out.alice, random));
  NewCommit commit = out.alice_group->commit(adding(added), out.alice.signer, now, random);
  out.alice_group->merge(std::move(commit.staged));
  out.welcome = std::move(*commit.welcome);
  out.bob_joins();
  return out;
}

// All commit, from the left. Then one removes the leaves of Alice and Bob and adds them there.
World make_warm(const Suite& suite, uint32_t members, crypto::SystemRandom& random) {
  World out = with_clients(suite, random);
  constexpr LeafIndex alice_leaf{0};
  constexpr LeafIndex committer{1};
  const LeafIndex bob_leaf{members / 2};
  PublicGroup group(suite, random.bytes(32), random);
  std::vector<Client> others;
  for (uint32_t i = 0; i < members; ++i) {
    others.push_back(make_client(suite, random));
    group.add(others.back());
  }
  for (uint32_t i = 0; i < members; ++i) group.commit(LeafIndex{i}, others[i]);
  group.remove(alice_leaf);
  group.remove(bob_leaf);
  group.add(out.alice);
  group.add(out.bob);
  PathSecrets path = group.commit(committer, others[value(committer)]);
  out.welcome = group.welcome(committer, others[value(committer)], path,
                              {{alice_leaf, &out.alice}, {bob_leaf, &out.bob}});
  out.alice_group.emplace(join(out.welcome, out.alice));
  out.bob_joins();
  return out;
}

}  // namespace

Client make_client(const Suite& suite, Random& random) {
  auto identity = group::Identity::generate(random);
  auto signer = crypto::signature_key_from_private(suite.signature, identity.seed().reveal());
  LeafNode leaf = group::leaf_template(identity, now);
  leaf.capabilities.cipher_suites = {suite.id};
  NewKeyPackage made = new_key_package(suite, std::move(leaf), signer, random);
  return {std::move(signer), std::move(made.key_package), std::move(made.keys)};
}

Group create_group(const Client& creator, Random& random) {
  const Suite& suite = suite_of(creator.package.cipher_suite);
  return Group::create(suite, random.bytes(32), creator.package.leaf_node, {}, creator.signer,
                       random);
}

CommitOptions adding(const std::vector<const Client*>& clients) {
  CommitOptions out;
  for (const Client* client : clients) out.proposals.push_back({Add{client->package}});
  return out;
}

Group join(const Bytes& welcome, const Client& client) {
  return Group::join(std::get<Welcome>(parse_message(welcome).content),
                     {.key_package = client.package, .keys = client.keys});
}

void World::bob_joins() {
  size_t before = live_bytes();
  bob_group.emplace(join(welcome, bob));
  bob_memory = live_bytes() - before;
}

void World::alice_commits() {
  NewCommit commit = alice_group->commit({}, alice.signer, now, random);
  alice_group->merge(std::move(commit.staged));
  size_t before = live_bytes();
  bob_group->merge(std::get<StagedCommit>(bob_group->process(parse_message(commit.message), now)));
  bob_memory += live_bytes() - before;
}

void World::bob_commits() {
  size_t before = live_bytes();
  Bytes message;
  {
    NewCommit commit = bob_group->commit({}, bob.signer, now, random);
    bob_group->merge(std::move(commit.staged));
    message = std::move(commit.message);
  }
  bob_memory += live_bytes() - before - message.capacity();
  alice_group->merge(std::get<StagedCommit>(alice_group->process(parse_message(message), now)));
}

World make_world(const Suite& suite, Shape shape, uint32_t members, crypto::SystemRandom& random) {
  bool bare = shape == Shape::bare || members < 4;
  World out = bare ? make_bare(suite, members, random) : make_warm(suite, members, random);
  if (shape == Shape::warm) out.bob_commits();
  // Until as many past epochs are kept as a client ever keeps.
  for (size_t i = 0; i <= limits::mls_past_epochs; ++i) out.alice_commits();
  return out;
}

}  // namespace qnpc::bench
