#include "qnpc/mls/epoch.h"

namespace qnpc::mls {
namespace {

void write_keys(codec::SecretWriter& w, const TreeKeys& keys) {
  codec::write(w, keys.leaf_index());
  w.vector([&](codec::SecretWriter& inner) {
    for (const auto& [node, key] : keys.all()) {
      codec::write(inner, node);
      codec::write(inner, key->private_key);
      codec::write(inner, key->public_key);
    }
  });
}

TreeKeys read_keys(codec::Reader& r) {
  TreeKeys out(codec::read<LeafIndex>(r));
  codec::Reader keys = r.vector();
  while (!keys.at_end()) {
    NodeIndex node = codec::read<NodeIndex>(keys);
    Secret private_key = codec::read<Secret>(keys);
    out.set(node, std::make_shared<const crypto::HpkeKeyPair>(
                      crypto::HpkeKeyPair{std::move(private_key), codec::read<Bytes>(keys)}));
  }
  return out;
}

}  // namespace

NewEpoch enter_epoch(EpochInputs in, const AuthenticatedContent& commit) {
  const Suite& suite = suite_of(in.context.cipher_suite);
  in.context.confirmed_transcript_hash =
      confirmed_transcript_hash(suite, in.interim_transcript_hash, commit);
  Bytes context = codec::encode(in.context);
  Secret joiner = joiner_secret(suite, in.init_secret, in.commit_secret, context);
  EpochKeys keys = epoch_keys(suite, joiner, in.psk, context);
  return {
      make_epoch(std::move(in.context), std::move(in.tree), std::move(in.keys), std::move(keys)),
      std::move(joiner)};
}

Epoch make_epoch(GroupContext context, RatchetTree tree, TreeKeys keys, EpochKeys epoch_keys) {
  const Suite& suite = suite_of(context.cipher_suite);
  uint32_t width = tree.width();
  Bytes tag = confirmation_tag(suite, epoch_keys.secrets, context.confirmed_transcript_hash);
  Bytes interim = interim_transcript_hash(suite, context.confirmed_transcript_hash, tag);
  return {std::move(context),
          std::move(tree),
          std::move(keys),
          std::move(epoch_keys.secrets),
          SecretTree(suite, width, std::move(epoch_keys.encryption_secret)),
          std::move(interim),
          std::move(tag)};
}

void write_epoch(codec::SecretWriter& w, const Epoch& epoch) {
  codec::write(w, epoch.context);
  codec::write(w, epoch.tree);
  write_keys(w, epoch.keys);
  codec::write(w, epoch.secrets);
  codec::write(w, epoch.interim_transcript_hash);
  codec::write(w, epoch.confirmation_tag);
}

Epoch read_epoch(codec::Reader& r, codec::Reader& secret_tree) {
  GroupContext context = codec::read<GroupContext>(r);
  const Suite& suite = suite_of(context.cipher_suite);
  RatchetTree tree = codec::read<RatchetTree>(r);
  TreeKeys keys = read_keys(r);
  EpochSecrets secrets = codec::read<EpochSecrets>(r);
  Bytes interim = codec::read<Bytes>(r);
  Bytes confirmation_tag = codec::read<Bytes>(r);
  return {std::move(context),
          std::move(tree),
          std::move(keys),
          std::move(secrets),
          SecretTree::read(suite, secret_tree),
          std::move(interim),
          std::move(confirmation_tag)};
}

void write_past_epoch(codec::SecretWriter& w, const PastEpoch& epoch) {
  codec::write(w, epoch.context);
  codec::write(w, epoch.tree);
  codec::write(w, epoch.own_leaf);
  codec::write(w, epoch.sender_data_secret);
  codec::write(w, epoch.resumption_psk);
}

PastEpoch read_past_epoch(codec::Reader& r, codec::Reader& secret_tree) {
  GroupContext context = codec::read<GroupContext>(r);
  const Suite& suite = suite_of(context.cipher_suite);
  RatchetTree tree = codec::read<RatchetTree>(r);
  LeafIndex own_leaf = codec::read<LeafIndex>(r);
  Secret sender_data_secret = codec::read<Secret>(r);
  Secret resumption_psk = codec::read<Secret>(r);
  return {std::move(context),
          std::move(tree),
          own_leaf,
          std::move(sender_data_secret),
          std::move(resumption_psk),
          SecretTree::read(suite, secret_tree)};
}

}  // namespace qnpc::mls
