// epoch: all that a member knows of one epoch of a group. RFC 9420 section 8 and 12.4.
#pragma once

#include "qnpc/mls/message_protection.h"
#include "qnpc/mls/welcome.h"

namespace qnpc::mls {

struct Epoch {
  GroupContext context;
  RatchetTree tree;
  TreeKeys keys;  // our private keys in `tree`
  EpochSecrets secrets;
  SecretTree secret_tree;
  Bytes interim_transcript_hash;
  Bytes confirmation_tag;

  const Suite& suite() const { return suite_of(context.cipher_suite); }
  LeafIndex own_leaf() const { return keys.leaf_index(); }
};

/// A leaf as it was before a commit changed it; empty where it was blank.
struct ReplacedLeaf {
  LeafIndex index{};
  std::optional<LeafNode> leaf;
  static auto wire(auto& m) { return std::tie(m.index, m.leaf); }
};

/// What is kept of an epoch that is over, for messages that were in flight and for resumption PSKs.
struct PastEpoch {
  GroupContext context;
  LeafIndex own_leaf{};
  Secret sender_data_secret;
  Secret resumption_psk;
  std::vector<ReplacedLeaf> replaced;  // by the commit that ended it, ascending
  SecretTree secret_tree;
};

/// How a commit's cryptographic part ends: the key schedule and the transcript, 12.4.1 and 12.4.2.
struct EpochInputs {
  GroupContext context;  // provisional: all but confirmed_transcript_hash is the new epoch's
  RatchetTree tree;
  TreeKeys keys;
  const Secret& init_secret;
  const Secret& commit_secret;
  const Secret& psk;
  View interim_transcript_hash;  // of the epoch before
};
struct NewEpoch {
  Epoch epoch;
  Secret joiner_secret;
};
NewEpoch enter_epoch(EpochInputs inputs, const AuthenticatedContent& commit);

/// An epoch from a joiner_secret, for whoever is welcomed (12.4.3.1).
Epoch make_epoch(GroupContext context, RatchetTree tree, TreeKeys keys, EpochKeys epoch_keys);

}  // namespace qnpc::mls
