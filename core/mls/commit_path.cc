#include "qnpc/mls/commit_path.h"

namespace qnpc::mls {

GroupContext provisional_context(const GroupContext& old_context, const Suite& suite,
                                 const RatchetTree& tree, const Extensions& extensions) {
  GroupContext out = old_context;
  ++out.epoch;
  out.tree_hash = tree.tree_hash(suite);
  out.extensions = extensions;
  return out;
}

CommitPath make_commit_path(const Suite& suite, const GroupContext& old_context,
                            AppliedProposals& applied, LeafIndex sender, const LeafNode& from,
                            const crypto::SignatureKeyPair& signer, Random& random) {
  crypto::HpkeKeyPair leaf_key = crypto::generate_hpke_key(suite.kem(), random);
  CommitPath out{.secrets = derive_path(suite, applied.tree.filtered_direct_path(sender),
                                        random.secret(suite.hash_size()))};
  std::vector<Bytes> public_keys;
  for (const PathStep& step : out.secrets.steps) public_keys.push_back(step.key->public_key);

  LeafNode leaf = from.renewed(LeafNodeSource::commit, leaf_key.public_key, signer.public_key);
  leaf.parent_hash = set_path(suite, applied.tree, sender, public_keys);
  leaf.sign(suite, signer, LeafPosition{old_context.group_id, sender});
  applied.tree.set_leaf(sender, leaf);
  out.path.leaf_node = std::move(leaf);

  out.keys = TreeKeys(sender, std::move(leaf_key));
  out.keys.set(out.secrets);
  Bytes context =
      codec::encode(provisional_context(old_context, suite, applied.tree, applied.extensions));
  out.path.nodes =
      encrypt_path(suite, applied.tree, sender, out.secrets, context, applied.added, random);
  return out;
}

}  // namespace qnpc::mls
