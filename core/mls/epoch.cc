#include "qnpc/mls/epoch.h"

namespace qnpc::mls {

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

}  // namespace qnpc::mls
