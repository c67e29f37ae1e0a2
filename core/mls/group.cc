// Creating and joining a group, and what a member may ask of it.

#include "qnpc/mls/group.h"

#include "qnpc/mls/tree_validation.h"

namespace qnpc::mls {
namespace {

RatchetTree tree_of(const GroupInfo& info, const JoinInputs& inputs) {
  auto tree = get_extension<RatchetTree>(info.extensions, ExtensionType::ratchet_tree);
  if (tree) return std::move(*tree);
  require(inputs.ratchet_tree.has_value(), Reject::missing_tree);
  return *inputs.ratchet_tree;
}

LeafIndex find_own_leaf(const RatchetTree& tree, const LeafNode& own) {
  for (LeafIndex index : tree.members()) {
    if (*tree.leaf(index) == own) return index;
  }
  throw Rejected(Reject::not_in_tree);
}

// The keys of the common ancestor with the committer and of the nodes above it.
void learn_path(const Suite& suite, const RatchetTree& tree, LeafIndex signer, TreeKeys& keys,
                const Secret& path_secret) {
  NodeIndex ancestor = common_ancestor(signer, keys.leaf_index());
  std::vector<NodeIndex> nodes;
  for (NodeIndex node : tree.filtered_direct_path(signer)) {
    if (in_subtree(ancestor, node)) nodes.push_back(node);
  }
  require(!nodes.empty() && nodes.front() == ancestor, Reject::no_path_key);
  PathSecrets path = derive_path(suite, nodes, path_secret.clone());
  for (const PathStep& step : path.steps) {
    const SmallBytes* key = tree.encryption_key(step.node);
    require(key != nullptr && *key == step.key->public_key, Reject::wrong_path_key);
  }
  keys.set(path);
}

std::vector<Psk> welcomed_psks(const Suite& suite, const GroupSecrets& secrets,
                               const JoinInputs& in) {
  std::vector<Psk> out;
  for (const PreSharedKeyId& id : secrets.psks) {
    require(id.psk_nonce.size() == suite.hash_size(), Reject::bad_psk);
    bool of_predecessor = in.predecessor != nullptr && id.psktype == PskType::resumption &&
                          id.psk_group_id == in.predecessor->context().group_id;
    std::optional<Secret> secret;
    if (of_predecessor) secret = in.predecessor->resumption_psk(id.psk_epoch);
    if (!secret) secret = in.psks(id);
    require(secret.has_value(), Reject::unknown_psk);
    out.push_back({id, std::move(*secret)});
  }
  return out;
}

}  // namespace

std::optional<Secret> no_psks(const PreSharedKeyId&) { return std::nullopt; }

void validate_group(const Suite& suite, const RatchetTree& tree, const GroupContext& context,
                    const Policy& policy) {
  require(tree.tree_hash(suite) == context.tree_hash, Reject::wrong_tree_hash);
  validate_keys(suite, tree);
  validate_unmerged_leaves(tree);
  validate_parent_hashes(suite, tree);
  require_unique(context.extensions);
  validate_leaves(suite, tree, context.group_id, context.extensions, policy.lifetimes);
  validate_external_senders(suite, {}, context.extensions, policy);
  for (LeafIndex index : tree.members()) validate_credential(suite, *tree.leaf(index), policy);
}

Group Group::create(const Suite& suite, Bytes group_id, LeafNode leaf, Extensions extensions,
                    const crypto::SignatureKeyPair& signer, Random& random) {
  crypto::HpkeKeyPair key = crypto::generate_hpke_key(suite.kem(), random);
  leaf.encryption_key = key.public_key;
  leaf.leaf_node_source = LeafNodeSource::key_package;
  leaf.sign(suite, signer, std::nullopt);
  require_unique(extensions);
  validate_leaf(suite, leaf, LeafNodeSource::key_package, std::nullopt);
  require_group_support(leaf, GroupNeeds(extensions));

  RatchetTree tree;
  LeafIndex index = tree.add_leaf(std::move(leaf));
  GroupContext context{.cipher_suite = suite.id,
                       .group_id = std::move(group_id),
                       .epoch = 0,
                       .tree_hash = tree.tree_hash(suite),
                       .confirmed_transcript_hash = {},
                       .extensions = std::move(extensions)};
  Secret epoch_secret = random.secret(suite.hash_size());
  return Group(make_epoch(std::move(context), std::move(tree), TreeKeys(index, std::move(key)),
                          epoch_keys_from(suite, epoch_secret)));
}

Group Group::join(const Welcome& welcome, const JoinInputs& in) {
  const Suite& suite = suite_of(welcome.cipher_suite);
  const EncryptedGroupSecrets* ours = welcome.find(in.key_package.ref());
  if (ours == nullptr) throw Error(Reason::not_found, "the Welcome is for another KeyPackage");
  require(in.key_package.cipher_suite == welcome.cipher_suite, Reject::wrong_cipher_suite);
  GroupSecrets secrets =
      decrypt_group_secrets(suite, in.keys.init, *ours, welcome.encrypted_group_info);
  Secret psk = psk_secret(suite, welcomed_psks(suite, secrets, in));
  GroupInfo info = decrypt_group_info(suite, welcome_secret(suite, secrets.joiner_secret, psk),
                                      welcome.encrypted_group_info);
  GroupContext& context = info.group_context;
  require(context.version == ProtocolVersion::mls10, Reject::wrong_version);
  require(context.cipher_suite == welcome.cipher_suite, Reject::wrong_cipher_suite);
  require_unique(info.extensions);
  RatchetTree tree = tree_of(info, in);
  const LeafNode* signer = tree.leaf(info.signer);
  require(signer != nullptr, Reject::wrong_signer);
  require(info.verify(suite, signer->signature_key), Reject::bad_group_info_signature);
  validate_group(suite, tree, context, in.policy);
  validate_successor(secrets.psks, in.predecessor, context, tree, in.policy.credentials);

  LeafIndex own_leaf = find_own_leaf(tree, in.key_package.leaf_node);
  TreeKeys keys(own_leaf, {in.keys.encryption.private_key.clone(), in.keys.encryption.public_key});
  if (secrets.path_secret) {
    learn_path(suite, tree, info.signer, keys, secrets.path_secret->path_secret);
  }
  EpochKeys derived = epoch_keys(suite, secrets.joiner_secret, psk, codec::encode(context));
  Epoch epoch =
      make_epoch(std::move(context), std::move(tree), std::move(keys), std::move(derived));
  require(constant_time_equal(epoch.confirmation_tag, info.confirmation_tag),
          Reject::bad_confirmation_tag);
  Group out(std::move(epoch));
  out.welcomed_by_ = info.signer;
  return out;
}

std::vector<Member> Group::members() const {
  std::vector<Member> out;
  for (LeafIndex index : epoch_.tree.members()) out.push_back({index, epoch_.tree.leaf(index)});
  return out;
}

Secret Group::export_secret(std::string_view label, View context, size_t length) const {
  return mls_exporter(suite(), secrets(), label, context, length);
}

const EpochSecrets& Group::secrets() const {
  require(!epoch_.secrets.exporter_secret.empty(), Reject::group_suspended);
  return epoch_.secrets;
}

Bytes Group::epoch_authenticator() const {
  return to_bytes(epoch_.secrets.epoch_authenticator.reveal());
}

FramedContent Group::framed(Content content, View authenticated_data) const {
  return {context().group_id, context().epoch, self(), to_bytes(authenticated_data),
          std::move(content)};
}

size_t Group::find_past(uint64_t epoch) const {
  size_t at = 0;
  while (at < past_.size() && past_[at].context.epoch != epoch) ++at;
  return at;
}

std::optional<Secret> Group::resumption_psk(uint64_t epoch) const {
  if (epoch == context().epoch) return resumption_psk();
  const size_t at = find_past(epoch);
  return at == past_.size() ? std::nullopt : std::optional(past_[at].resumption_psk.clone());
}

std::optional<Secret> Group::find_psk(const PreSharedKeyId& id, const PskLookup& lookup) const {
  if (id.psktype == PskType::resumption && id.psk_group_id == context().group_id) {
    if (std::optional<Secret> known = resumption_psk(id.psk_epoch)) return known;
  }
  return lookup(id);
}

std::vector<Psk> Group::find_psks(const std::vector<PreSharedKeyId>& ids,
                                  const PskLookup& lookup) const {
  std::vector<Psk> out;
  for (const PreSharedKeyId& id : ids) {
    std::optional<Secret> secret = find_psk(id, lookup);
    require(secret.has_value(), Reject::unknown_psk);
    out.push_back({id, std::move(*secret)});
  }
  return out;
}

}  // namespace qnpc::mls
