// group_member: one identity's part in one MLS group, from key package to conversation.
//
//   alice.create_group("friends", now);
//   Bytes key_package = bob.generate_key_package(now);
//   Added added = alice.add_member(key_package, now);
//   bob.join_group(added.welcome);
//   Bytes message = alice.send_message(text);
//   Received received = bob.receive_message(message, now);
//
// A call that throws leaves the member as it was. A call that returns has changed the member in
// memory: save() it, and commit that transaction, before anything it returned leaves the process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "qnpc/base/storage.h"
#include "qnpc/base/time.h"
#include "qnpc/group/identity.h"

namespace qnpc::group {

/// What add_member gives: both are MLSMessages (RFC 9420 6).
struct Added {
  Bytes commit;   // for those who were members before
  Bytes welcome;  // for the new member; holds the ratchet tree
};

/// What a message turned out to be.
struct Received {
  enum class Kind { application, commit };
  Kind kind = Kind::application;
  Bytes sender;              // identity key
  Secret plaintext;          // of an application message
  std::vector<Bytes> added;  // identity keys, of a commit
  std::vector<Bytes> removed;
  bool removed_us = false;  // after this the member can neither send nor receive
};

class GroupMember {
 public:
  /// `keys` holds the private halves of published KeyPackages and outlives the member, as do the
  /// others. Several members (one a group) may share one.
  GroupMember(const Identity& identity, Storage& keys, Random& random);
  /// The member that save() wrote to `group`. Throws Reason::corrupt or Reason::not_found.
  static GroupMember load(const Identity& identity, Storage& keys, Random& random,
                          const Storage& group);
  GroupMember(GroupMember&&) noexcept;
  GroupMember& operator=(GroupMember&&) noexcept;
  ~GroupMember();

  /// A fresh KeyPackage as MLSMessage; its private keys go to `keys` until a Welcome uses them.
  Bytes generate_key_package(UnixTime now);

  /// Starts a group of one. The group id is random; `name` (UTF-8, up to limits::group_name bytes)
  /// is what people call it, and travels encrypted in the GroupContext.
  void create_group(std::string_view name, UnixTime now);

  /// Commits the addition of the owner of `key_package` (an MLSMessage) and enters the new epoch.
  /// Throws mls::Rejected for a KeyPackage that breaks a rule, e.g. an expired or own one.
  Added add_member(View key_package, UnixTime now);

  /// Enters the group of a Welcome for one of our KeyPackages, whose private keys are then erased.
  /// Throws Reason::not_found where it is for none of them.
  void join_group(View welcome);

  /// A PrivateMessage, padded to a size bucket.
  Bytes send_message(View plaintext);

  /// Opens and applies a PrivateMessage of the group. Throws mls::Rejected, Reason::decrypt_failed,
  /// or Reason::malformed for what is not encrypted.
  Received receive_message(View message, UnixTime now);

  /// Writes what changed since the last save.
  void save(Storage& group);

  bool in_group() const;  // false before create_group or join_group, and after our removal
  View group_id() const;
  std::string group_name() const;
  uint64_t epoch() const;
  std::vector<Bytes> members() const;  // identity keys, in leaf order
  Bytes epoch_authenticator() const;   // RFC 9420 8.7: equal for all who agree on the history

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The group that a message belongs to, without opening it: the group id of a PublicMessage or
/// PrivateMessage. Empty for a Welcome. Throws Reason::malformed for anything else.
struct MessageInfo {
  bool is_welcome = false;
  Bytes group_id;
  uint64_t epoch = 0;
};
MessageInfo inspect_message(View message);

/// The identity key that a KeyPackage (an MLSMessage) claims. Throws Reason::malformed.
Bytes key_package_identity(View key_package);

}  // namespace qnpc::group
