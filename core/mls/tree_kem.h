// tree_kem: path secrets and who can open them, RFC 9420 7.4-7.6. Knows nothing of the key
// schedule.
#pragma once

#include <atomic>
#include <map>
#include <optional>

#include "qnpc/base/parallel.h"
#include "qnpc/mls/ratchet_tree.h"

namespace qnpc::mls {

struct HpkeCiphertext {
  Bytes kem_output;
  Bytes ciphertext;
  static auto wire(auto& m) { return std::tie(m.kem_output, m.ciphertext); }
};

struct UpdatePathNode {
  Bytes encryption_key;
  std::vector<HpkeCiphertext> encrypted_path_secret;
  static auto wire(auto& m) { return std::tie(m.encryption_key, m.encrypted_path_secret); }
};

struct UpdatePath {
  LeafNode leaf_node;
  std::vector<UpdatePathNode> nodes;
  static auto wire(auto& m) { return std::tie(m.leaf_node, m.nodes); }
};

/// One node of a filtered direct path, with what its owner knows of it.
struct PathStep {
  NodeIndex node;
  Secret path_secret;
  std::shared_ptr<const crypto::HpkeKeyPair> key;
};
struct PathSecrets {
  std::vector<PathStep> steps;  // from the bottom to the top
  Secret commit_secret;         // path_secret[n+1]
};

/// 7.4: the chain that begins with `path_secret` at the first of `nodes`.
PathSecrets derive_path(const Suite& suite, const std::vector<NodeIndex>& nodes,
                        Secret path_secret);

/// The private keys that one member has: of its leaf and of nodes above it. Cheap to copy.
class TreeKeys {
 public:
  TreeKeys() = default;
  explicit TreeKeys(LeafIndex leaf_index) : leaf_index_(leaf_index) {}
  TreeKeys(LeafIndex leaf_index, crypto::HpkeKeyPair leaf_key);

  LeafIndex leaf_index() const { return leaf_index_; }
  void set(NodeIndex node, std::shared_ptr<const crypto::HpkeKeyPair> key);
  void set(const PathSecrets& path);
  const crypto::HpkeKeyPair* find(NodeIndex node) const;
  /// Forgets the keys of nodes that are blank or hold another public key now.
  void prune(const RatchetTree& tree);
  const std::map<NodeIndex, std::shared_ptr<const crypto::HpkeKeyPair>>& all() const {
    return keys_;
  }

 private:
  LeafIndex leaf_index_{};
  std::map<NodeIndex, std::shared_ptr<const crypto::HpkeKeyPair>> keys_;
};

/// 7.5: sets `steps` along the sender's path, with their parent hashes, and blanks the rest of its
/// direct path. Returns the parent hash for the sender's leaf. `public_keys` are those of the
/// filtered direct path, from the bottom to the top.
Bytes set_path(const Suite& suite, RatchetTree& tree, LeafIndex sender,
               const std::vector<Bytes>& public_keys);

/// 7.5 for a receiver: checks the path's length, keys, leaf and parent hash, and merges it.
/// `group_id` is what the leaf's signature covers.
void merge_update_path(const Suite& suite, RatchetTree& tree, LeafIndex sender,
                       const UpdatePath& path, View group_id);

/// A committer's fresh keys. The encapsulations, which need nothing else, go on in other threads
/// while the path is set and signed.
class NewPath {
 public:
  /// For `sender`'s filtered direct path. `added` is ascending.
  NewPath(const Suite& suite, const RatchetTree& tree, LeafIndex sender,
          const std::vector<LeafIndex>& added, Random& random);

  /// 7.6: each step's path secret, to the resolution of its copath child without the added leaves.
  /// Once only, since it uses the encapsulations up. `context` is the encoded provisional
  /// GroupContext.
  std::vector<UpdatePathNode> encrypt(View context);

  crypto::HpkeKeyPair leaf_key;
  PathSecrets secrets;

 private:
  struct Recipient {
    size_t step;
    Bytes public_key;
    Secret seed;
    crypto::HpkeEncapsulation encapsulation;
    HpkeCiphertext sealed;
    bool is_sealed = false;
  };
  void seal(Recipient& to, const crypto::HpkeInfo& info);

  const Suite& suite_;
  std::vector<Recipient> recipients_;
  std::optional<crypto::HpkeInfo> info_;
  // Once it is known, whoever encapsulates also seals.
  std::atomic<const crypto::HpkeInfo*> known_info_{nullptr};
  std::optional<ParallelWork> encapsulations_;
};

/// 7.6 for a receiver: opens the path secret that is meant for us, derives the rest, and checks it
/// against the path's public keys. Rejects with no_path_key, wrong_ciphertext_count or
/// wrong_path_key.
PathSecrets decrypt_path(const Suite& suite, const RatchetTree& tree, const TreeKeys& keys,
                         LeafIndex sender, const UpdatePath& path, View context,
                         const std::vector<LeafIndex>& added);

}  // namespace qnpc::mls
