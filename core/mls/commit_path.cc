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
  require_own_support(from);  // as who receives it will; the rest is made here
  NewPath made(suite, applied.tree, sender, applied.added, random);
  std::vector<Bytes> public_keys;
  for (const PathStep& step : made.secrets.steps) public_keys.push_back(step.key->public_key);

  LeafNode leaf = from.renewed(LeafNodeSource::commit, made.leaf_key.public_key, signer.public_key);
  leaf.parent_hash = set_path(suite, applied.tree, sender, public_keys);
  leaf.sign(suite, signer, LeafPosition{old_context.group_id, sender});
  applied.tree.set_leaf(sender, leaf);
  Bytes context =
      codec::encode(provisional_context(old_context, suite, applied.tree, applied.extensions));

  CommitPath out{.path = {std::move(leaf), made.encrypt(context)},
                 .secrets = std::move(made.secrets),
                 .keys = TreeKeys(sender, std::move(made.leaf_key))};
  out.keys.set(out.secrets);
  return out;
}

}  // namespace qnpc::mls
