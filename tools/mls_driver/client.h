// client: what the driver holds between requests, each behind a handle: members of groups, joiners
// who wait for a Welcome, groups that are to be made anew, and external signers.
#pragma once

#include <map>

#include "qnpc/mls/group.h"

namespace qnpc::driver {

/// The PSKs of one client: external ones, and the resumption PSKs of epochs that it has been in.
class PskStore {
 public:
  PskStore clone() const;
  /// Throws Reason::too_large for more than limits::mls_driver_psks.
  void put_external(View psk_id, Secret secret);
  /// The newest epochs stay, as many as the limit lets in.
  void put_resumption(const mls::Group& group);
  mls::PskLookup lookup() const;  // valid as long as the store

 private:
  static Bytes key_of(mls::PreSharedKeyId id);

  std::map<Bytes, Secret> secrets_;  // by PreSharedKeyId without usage and nonce
};

/// A member of a group, at the group's current epoch.
struct Member {
  mls::Group group;
  crypto::SignatureKeyPair signer;
  mls::WireFormat wire_format = mls::WireFormat::public_message;  // of handshake messages
  PskStore psks;
  // The epoch's proposals, ours and those that we were given, by their message.
  std::map<Bytes, mls::ProposalRef> proposals = {};

  Bytes identity() const;
  /// Enter the epoch and return its authenticator; empty where the commit removes us.
  Bytes enter(mls::StagedCommit&& staged);
  Bytes enter_pending();

 private:
  Bytes entered();
};

/// Whoever has a KeyPackage out and waits for the Welcome.
struct Joiner {
  mls::KeyPackage key_package;
  mls::KeyPackageKeys keys;
  crypto::SignatureKeyPair signer;
  PskStore psks;
};

/// A member after a ReInit was committed, and its KeyPackage for the group that follows.
struct Reinitialization {
  std::shared_ptr<Member> member;
  Joiner joiner;
};

struct ExternalSigner {
  crypto::SignatureKeyPair signer;
};

using Handle = std::variant<std::shared_ptr<Member>, Joiner, Reinitialization, ExternalSigner>;

/// All handles, numbered by one counter.
class Handles {
 public:
  /// Throws Reason::too_large where limits::mls_driver_handles are alive.
  uint32_t add(Handle handle);
  /// Throw Reason::not_found where the handle is none, or of another kind.
  template <class T>
  T& get(uint32_t id) {
    if (T* out = std::get_if<T>(&any(id))) return *out;
    throw Error(Reason::not_found, std::to_string(id) + " is a handle of another kind");
  }
  Member& member(uint32_t id) { return *get<std::shared_ptr<Member>>(id); }
  Handle& any(uint32_t id);
  void erase(uint32_t id);

 private:
  std::map<uint32_t, Handle> handles_;
  uint32_t last_ = 0;
};

/// Basic credentials, and whoever gives a name is taken for its owner: a client that comes back by
/// an external commit (`remove_prior`) has a new signature key.
const mls::CredentialPolicy& believed_names();

/// What an operation works with.
struct Client {
  Random& random;
  UnixTime now;
  Handles& handles;

  /// KeyPackages of others may live as long as they like: how long is good is not what is tested.
  mls::Policy policy() const { return {{now, UINT64_MAX}, believed_names()}; }
  crypto::SignatureKeyPair new_signer(const mls::Suite& suite) const;
  /// A leaf of that identity, all but its encryption key and signature.
  mls::LeafNode leaf(Bytes identity, const crypto::SignatureKeyPair& signer) const;
  Joiner new_joiner(const mls::Suite& suite, Bytes identity) const;
};

/// The member of that identity. Throws Reason::not_found.
mls::LeafIndex find_identity(const mls::RatchetTree& tree, View identity);

}  // namespace qnpc::driver
