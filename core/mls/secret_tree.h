// secret_tree: the message keys of an epoch. RFC 9420 section 9.
//
// A key for receiving is looked up without changing anything; only `consume`, called when the
// message has proven good, moves the ratchet and forgets the key. A key for sending is consumed as
// it is given. What was used or derived from is wiped (9.2).
#pragma once

#include <map>
#include <set>

#include "qnpc/base/limits.h"
#include "qnpc/base/storage.h"
#include "qnpc/codec/wire.h"
#include "qnpc/mls/cipher_suite.h"
#include "qnpc/mls/reject.h"
#include "qnpc/mls/tree_math.h"

namespace qnpc::mls {

enum class RatchetType : uint8_t { handshake = 0, application = 1 };

struct MessageKey {
  uint32_t generation = 0;
  Secret key;
  Secret nonce;
  static auto wire(auto& m) { return std::tie(m.generation, m.key, m.nonce); }
  MessageKey clone() const { return {generation, key.clone(), nonce.clone()}; }
};

/// One sender's chain of keys of one kind.
struct Ratchet {
  Secret secret;
  uint64_t next_generation = 0;  // up to 2^32: one past the last
  std::vector<MessageKey> kept;  // skipped and not yet used, ascending
  static auto wire(auto& m) { return std::tie(m.secret, m.next_generation, m.kept); }
  Ratchet clone() const;
};

/// How far a receiver goes, RFC 9420 15.3.
struct RatchetWindow {
  uint32_t forward = limits::mls_forward_generations;
  size_t kept = limits::mls_kept_generations;
};

class SecretTree {
 public:
  /// `width` is the ratchet tree's, in leaves.
  SecretTree(const Suite& suite, uint32_t width, Secret encryption_secret,
             RatchetWindow window = {});

  /// The next key for our own messages. Throws Reason::exhausted after generation 2^32-1.
  MessageKey next(LeafIndex leaf, RatchetType type);
  uint64_t next_generation(LeafIndex leaf, RatchetType type) const;

  /// A key found, and the state that the tree takes when it is used.
  struct Found {
    MessageKey key;
    LeafIndex leaf;
    RatchetType type;
    std::array<Ratchet, 2> ratchets;        // the leaf's, after use
    std::map<NodeIndex, Secret> new_nodes;  // copath of the leaf, where it was not yet split
    uint32_t skipped = 0;                   // generations before it that were not yet due
  };
  /// Rejects with generation_used, generation_too_far or unknown_sender.
  Found find(LeafIndex leaf, RatchetType type, uint32_t generation) const;
  /// Other keys may have been consumed since find(), but none of that leaf and type.
  void consume(Found&& found);

  uint32_t width() const { return width_; }

  /// Writes what has changed since the last save, and erases what is gone. There is one record for
  /// each secret not yet split, and one for the ratchets of each leaf that has begun; its name is
  /// `prefix` and the node's index.
  void save(Storage& storage, std::string_view prefix);
  /// The next save writes everything: it goes to a place that holds none of it.
  void mark_unsaved();
  /// Throws Reason::corrupt, or malformed for a record that does not parse.
  static SecretTree load(const Suite& suite, uint32_t width, const Storage& storage,
                         std::string_view prefix, RatchetWindow window = {});

 private:
  SecretTree(const Suite& suite, uint32_t width, RatchetWindow window)
      : suite_(&suite), window_(window), width_(width) {}
  // The lowest ancestor whose secret we still have; only for leaves without ratchets.
  NodeIndex unsplit_ancestor(LeafIndex leaf) const;
  // The leaf's ratchets as they are, or as they begin; fills the rest of `found`.
  void load_ratchets(LeafIndex leaf, Found& found) const;
  MessageKey advance(Ratchet& ratchet) const;
  void skip(Ratchet& ratchet) const;  // one generation, without its key
  void read_record(NodeIndex node, const Secret& record);
  void require_consistent(const Ratchet& ratchet) const;

  const Suite* suite_;
  RatchetWindow window_;
  uint32_t width_;
  std::map<NodeIndex, Secret> nodes_;  // not yet split
  std::map<LeafIndex, std::array<Ratchet, 2>> ratchets_;
  std::set<NodeIndex> unsaved_;  // whose records are not what they should be
};

}  // namespace qnpc::mls
