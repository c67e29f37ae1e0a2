#include "qnpc/mls/tree_kem.h"

#include <algorithm>

#include "qnpc/mls/tree_validation.h"

namespace qnpc::mls {
namespace {

// The nodes to which a path secret at `ancestor` is encrypted.
std::vector<NodeIndex> recipients(const RatchetTree& tree, NodeIndex ancestor, LeafIndex sender,
                                  const std::vector<LeafIndex>& added) {
  std::vector<NodeIndex> out = tree.resolution(RatchetTree::copath_child(ancestor, sender));
  std::erase_if(out, [&](NodeIndex node) {
    return is_leaf(node) && std::ranges::binary_search(added, leaf_of(node));
  });
  return out;
}

// 12.4.2: no key of the path stands anywhere in the tree, nor twice in the path.
void require_new_keys(const RatchetTree& tree, const UpdatePath& path) {
  std::vector<View> fresh{path.leaf_node.encryption_key};
  for (const UpdatePathNode& node : path.nodes) fresh.push_back(node.encryption_key);
  std::ranges::sort(fresh, ViewLess{});
  require(std::ranges::adjacent_find(fresh, equal) == fresh.end(),
          Reject::duplicate_encryption_key);
  for (View key : fresh) require(!tree.has_encryption_key(key), Reject::duplicate_encryption_key);
}

// The chain of 7.4 without its public keys, which cost far more than the secrets.
PathSecrets derive_path_secrets(const Suite& suite, const std::vector<NodeIndex>& nodes,
                                Secret path_secret) {
  PathSecrets out;
  for (NodeIndex node : nodes) {
    Secret next = derive_secret(suite, path_secret.reveal(), "path");
    out.steps.push_back({node, std::move(path_secret), nullptr});
    path_secret = std::move(next);
  }
  out.commit_secret = std::move(path_secret);
  return out;
}

void derive_key(const Suite& suite, PathStep& step) {
  Secret node_secret = derive_secret(suite, step.path_secret.reveal(), "node");
  step.key = std::make_shared<const crypto::HpkeKeyPair>(
      crypto::derive_hpke_key(suite.kem(), node_secret.reveal()));
}

}  // namespace

PathSecrets derive_path(const Suite& suite, const std::vector<NodeIndex>& nodes,
                        Secret path_secret) {
  PathSecrets out = derive_path_secrets(suite, nodes, std::move(path_secret));
  parallel_for(out.steps.size(), [&](size_t i) { derive_key(suite, out.steps[i]); });
  return out;
}

TreeKeys::TreeKeys(LeafIndex leaf_index, crypto::HpkeKeyPair leaf_key) : leaf_index_(leaf_index) {
  set(node_of(leaf_index), std::make_shared<const crypto::HpkeKeyPair>(std::move(leaf_key)));
}

void TreeKeys::set(NodeIndex node, std::shared_ptr<const crypto::HpkeKeyPair> key) {
  keys_[node] = std::move(key);
}

void TreeKeys::set(const PathSecrets& path) {
  for (const PathStep& step : path.steps) set(step.node, step.key);
}

const crypto::HpkeKeyPair* TreeKeys::find(NodeIndex node) const {
  auto it = keys_.find(node);
  return it == keys_.end() ? nullptr : it->second.get();
}

void TreeKeys::prune(const RatchetTree& tree) {
  std::erase_if(keys_, [&](const auto& entry) {
    const SmallBytes* key = tree.encryption_key(entry.first);
    return key == nullptr || *key != entry.second->public_key;
  });
}

Bytes set_path(const Suite& suite, RatchetTree& tree, LeafIndex sender,
               const std::vector<Bytes>& public_keys) {
  std::vector<NodeIndex> path = tree.filtered_direct_path(sender);
  require(path.size() == public_keys.size(), Reject::wrong_path_length);
  for (NodeIndex node : direct_path(node_of(sender), tree.width())) {
    if (std::ranges::find(path, node) == path.end()) tree.blank(node);
  }
  // From the root down: each node's parent hash covers the node above it. The copath is not
  // touched, so its tree hashes are the original ones.
  Bytes parent_hash;
  for (size_t i = path.size(); i-- > 0;) {
    ParentNode parent{public_keys[i], std::move(parent_hash), {}};
    parent_hash =
        compute_parent_hash(suite, tree, parent, RatchetTree::copath_child(path[i], sender));
    tree.set_parent(path[i], std::move(parent));
  }
  return parent_hash;
}

void merge_update_path(const Suite& suite, RatchetTree& tree, LeafIndex sender,
                       const UpdatePath& path, View group_id) {
  validate_leaf(suite, path.leaf_node, LeafNodeSource::commit, LeafPosition{group_id, sender});
  require_new_keys(tree, path);
  std::vector<Bytes> public_keys;
  for (const UpdatePathNode& node : path.nodes) {
    require(crypto::valid_hpke_key(suite.kem(), node.encryption_key), Reject::bad_public_key);
    public_keys.push_back(node.encryption_key);
  }
  Bytes parent_hash = set_path(suite, tree, sender, public_keys);
  require(path.leaf_node.parent_hash == parent_hash, Reject::wrong_parent_hash);
  tree.set_leaf(sender, path.leaf_node);
}

NewPath::NewPath(const Suite& suite, const RatchetTree& tree, LeafIndex sender,
                 const std::vector<LeafIndex>& added, Random& random)
    : suite_(suite) {
  const crypto::Kem kem = suite.kem();
  const size_t seed_size = crypto::hpke_seed_size(kem);
  const std::vector<NodeIndex> nodes = tree.filtered_direct_path(sender);
  for (size_t step = 0; step < nodes.size(); ++step) {
    for (NodeIndex node : recipients(tree, nodes[step], sender, added)) {
      recipients_.push_back({step, *tree.encryption_key(node), random.secret(seed_size), {}});
    }
  }
  // First of all, so that no thread waits for what follows.
  encapsulations_.emplace(recipients_.size(), [this, kem](size_t i) {
    Recipient& to = recipients_[i];
    to.encapsulation = crypto::hpke_encapsulate(kem, to.public_key, to.seed.reveal());
    if (const crypto::HpkeInfo* info = known_info_) seal(to, *info);
  });
  secrets = derive_path_secrets(suite, nodes, random.secret(suite.hash_size()));
  leaf_key = crypto::derive_hpke_key(kem, random.secret(seed_size).reveal());
  for (PathStep& step : secrets.steps) derive_key(suite, step);
}

void NewPath::seal(Recipient& to, const crypto::HpkeInfo& info) {
  auto [kem_output, ciphertext] = crypto::hpke_seal(info, std::move(to.encapsulation), {},
                                                    secrets.steps[to.step].path_secret.reveal());
  to.sealed = {std::move(kem_output), std::move(ciphertext)};
  to.is_sealed = true;
}

std::vector<UpdatePathNode> NewPath::encrypt(View context) {
  info_ = encrypt_context(suite_, "UpdatePathNode", context);
  known_info_ = &*info_;
  for (size_t i = 0; i < recipients_.size(); ++i) {
    // Another thread may be at the one that is needed now: meanwhile, the next.
    encapsulations_->help(i + 2);
    encapsulations_->finish(i + 1);
    if (!recipients_[i].is_sealed) seal(recipients_[i], *info_);
  }
  std::vector<UpdatePathNode> out;
  for (const PathStep& step : secrets.steps) out.push_back({step.key->public_key, {}});
  for (Recipient& to : recipients_) {
    out[to.step].encrypted_path_secret.push_back(std::move(to.sealed));
  }
  return out;
}

PathSecrets decrypt_path(const Suite& suite, const RatchetTree& tree, const TreeKeys& keys,
                         LeafIndex sender, const UpdatePath& path, View context,
                         const std::vector<LeafIndex>& added) {
  std::vector<NodeIndex> nodes = tree.filtered_direct_path(sender);
  require(nodes.size() == path.nodes.size(), Reject::wrong_path_length);
  NodeIndex ours = common_ancestor(sender, keys.leaf_index());
  auto at = std::ranges::find(nodes, ours);
  require(at != nodes.end(), Reject::no_path_key);
  size_t first = static_cast<size_t>(at - nodes.begin());

  Secret path_secret;
  for (size_t i = 0; i < nodes.size(); ++i) {
    std::vector<NodeIndex> resolution = recipients(tree, nodes[i], sender, added);
    const auto& ciphertexts = path.nodes[i].encrypted_path_secret;
    require(resolution.size() == ciphertexts.size(), Reject::wrong_ciphertext_count);
    if (i != first) continue;
    size_t j = 0;
    while (j < resolution.size() && keys.find(resolution[j]) == nullptr) ++j;
    require(j < resolution.size(), Reject::no_path_key);
    path_secret = decrypt_with_label(suite, *keys.find(resolution[j]), "UpdatePathNode", context,
                                     ciphertexts[j].kem_output, ciphertexts[j].ciphertext);
  }
  require(path_secret.size() == suite.hash_size(), Reject::wrong_path_key);
  nodes.erase(nodes.begin(), at);
  PathSecrets out = derive_path(suite, nodes, std::move(path_secret));
  for (size_t i = 0; i < out.steps.size(); ++i) {
    require(out.steps[i].key->public_key == path.nodes[first + i].encryption_key,
            Reject::wrong_path_key);
  }
  return out;
}

}  // namespace qnpc::mls
