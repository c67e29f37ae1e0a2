// group_member: one identity's part in one MLS group, from key package to conversation.
//
//   alice.create_group("friends", now);
//   OwnCommit commit = alice.commit({.add = {bob.generate_key_package(now)}}, now);
//   alice.enter_pending_commit();  // once the group's log has accepted commit.message
//   bob.join_group(commit.welcome);
//   Bytes message = alice.send_message(text);
//   Received received = bob.receive_message(message, now);
//
// A group has one log, which accepts one commit for each epoch (docs/rpc.md). A commit of ours is
// therefore pending until it is read back from there, or another one is.
//
// A call that throws leaves the member as it was. A call that returns has changed the member in
// memory: save() it, and commit that transaction, before anything it returned leaves the process.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "qnpc/base/storage.h"
#include "qnpc/base/time.h"
#include "qnpc/group/identity.h"
#include "qnpc/group/suite.h"

namespace qnpc::group {

/// What a commit changes, beside our own keys and credential, which it always renews, and who is
/// leaving().
struct Changes {
  std::vector<Bytes> add;           // KeyPackages, each an MLSMessage
  std::vector<Bytes> remove;        // identity keys; one may be removed and added at once
  std::optional<std::string> name;  // what people call the group
  bool tells_inbox_token = false;   // the identity's token, in our leaf
};

/// A commit of ours, pending. Messages are MLSMessages (RFC 9420 6).
struct OwnCommit {
  Bytes message;
  Secret next_token;         // append_token() of the epoch that it begins
  Bytes welcome;             // for those in `added`, with the ratchet tree; empty without any
  std::vector<Bytes> added;  // identity keys
};

/// The group that a Welcome let us into, and the KeyPackage of ours that it was for.
struct Joined {
  Suite suite{};
  Bytes key_package;  // its reference (RFC 9420 5.2)
  bool was_last_resort = false;
  Bytes inviter;  // identity key of who signed the Welcome
};

/// What a message turned out to be.
struct Received {
  enum class Kind { application, commit, leave };
  Kind kind = Kind::application;
  Bytes sender;          // identity key
  Secret plaintext;      // of an application message
  uint64_t epoch = 0;    // likewise, in which it was sent
  uint32_t skipped = 0;  // of its sender before it, in that epoch: they have not come (RFC 9420 9)
  std::vector<Bytes> added;         // identity keys, of a commit
  std::vector<Bytes> removed;       // likewise; they left where they had asked for it
  std::optional<std::string> name;  // the group's new one
  bool changed_credential = false;  // the sender shows another one than before
  bool removed_us = false;          // after this the member can neither send nor receive
  bool adds_us_anew = false;        // the same commit does: a Welcome is on its way
};

/// By which a leaf is recognised as that of one KeyPackage and no other.
struct LeafOrigin {
  Bytes id;  // SHA-256 of its encryption key
  uint64_t not_before =
      0;  // of its lifetime, by its owner's clock; 0: its owner has committed since
};

/// A member whose certificate will not do.
struct Uncertified {
  Bytes identity_key;
  std::string why;
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
  Bytes generate_key_package(UnixTime now, Suite suite = default_suite);
  /// One that may be used again and again; its private keys stay. It is for when the others have
  /// run out, since who learns its keys can read every Welcome that was made for it.
  Bytes generate_last_resort(UnixTime now, Suite suite = default_suite);

  /// From now on every member has to show a certificate that leads to one of these (DER): when it
  /// is invited, when a commit adds it, and when it shows another one. What we read of others is
  /// judged but for the time at which it is valid: they have accepted it, and we would lose the
  /// group. Not saved: to be said again after load(). Throws crypto::ChainRefused for what is no
  /// certificate.
  void require_certificates(const std::vector<Bytes>& ca);
  /// The first of those who are members already who does not, at that time; without one, at any.
  /// Ours is the one that our next commit shows.
  std::optional<Uncertified> uncertified(std::optional<UnixTime> now) const;
  /// The subjects of the certificates that members show, by identity key, as RFC 4514 writes them:
  /// to be believed where a CA is required.
  std::map<Bytes, std::string> certified_names() const;

  /// Starts a group of one. Group id and log id are random; `name` (UTF-8, up to
  /// limits::group_name bytes) is what people call it. Name and log id travel encrypted in the
  /// GroupContext.
  void create_group(std::string_view name, UnixTime now, Suite suite = default_suite);

  /// Prepares the next epoch, which enter_pending_commit() enters. Throws Reason::usage where a
  /// commit is pending already, where we would remove ourselves or whoever is no member, and
  /// mls::Rejected for a KeyPackage that breaks a rule, e.g. an expired one or a member's.
  OwnCommit commit(const Changes& changes, UnixTime now);
  bool has_pending_commit() const;
  Received enter_pending_commit();
  /// Another commit does so too. Nothing happens where there is none.
  void discard_pending_commit();

  /// Asks the others to remove us, since nobody can commit that for oneself (RFC 9420 12.2).
  /// Until one does, we cannot send. The epoch's end without our removal voids it.
  Bytes propose_leave(UnixTime now);
  /// Who asked so in this epoch, in leaf order, perhaps we among them. Somebody has to commit
  /// before anybody can send (RFC 9420 12.4).
  std::vector<Bytes> leaving() const;

  /// Asks the members to take us out and in again, where our epoch has no way to theirs any more:
  /// an Add for ourselves, signed, as RFC 9420 12.1.8 lets who is no member propose. It is not
  /// encrypted: whoever carries it learns that this identity is in the group of that id. Its
  /// private keys go to `keys`.
  Bytes request_rejoin(UnixTime now);

  /// Enters the group of a Welcome for one of our KeyPackages, whose private keys are then erased,
  /// but for one of last resort. Throws Reason::not_found where it is for none of them.
  Joined join_group(View welcome);

  /// A PrivateMessage, padded to a size bucket. Rejects while somebody is leaving()
  /// (proposals_pending).
  Bytes send_message(View plaintext);

  /// Opens and applies a PrivateMessage of the group. Throws mls::Rejected, Reason::decrypt_failed,
  /// or Reason::malformed for what is not encrypted.
  Received receive_message(View message, UnixTime now);

  /// Writes what changed since the last save.
  void save(Storage& group);

  bool in_group() const;  // false before create_group or join_group, and after our removal
  View group_id() const;
  Bytes log_id() const;  // 32 bytes: the group's log at the Delivery Service
  /// 32 bytes that the members of this epoch know: shows the log that we are one of them.
  Secret append_token() const;
  std::string group_name() const;
  Suite suite() const;
  uint64_t epoch() const;
  std::vector<Bytes> members() const;  // identity keys, in leaf order
  /// What delivers into the members' inboxes, by identity key; empty where one publishes none.
  std::map<Bytes, Bytes> inbox_tokens() const;
  /// Whether our leaf shows the credential that the identity has now, or the group would refuse it,
  /// or not everybody there could read it.
  bool shows_own_credential(UnixTime now) const;
  /// Whether our leaf has the token that the identity has now.
  bool has_told_inbox_token() const;
  /// Of a member's leaf: that of the KeyPackage which added it, until it commits. Nothing for who
  /// is no member.
  std::optional<LeafOrigin> leaf_origin(View identity_key) const;
  Bytes epoch_authenticator() const;  // RFC 9420 8.7: equal for all who agree on the history

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The group that a message belongs to, without opening it: the group id of a PublicMessage (a
/// request to rejoin) or PrivateMessage. Empty for a Welcome. Throws Reason::malformed for anything
/// else.
struct MessageInfo {
  bool is_welcome = false;
  Bytes group_id;
  uint64_t epoch = 0;
  bool is_proposal = false;
  bool is_commit = false;
};
MessageInfo inspect_message(View message);

/// What request_rejoin() asked. That `identity` is a member, and whether to do it, is for the
/// caller.
struct RejoinRequest {
  Bytes group_id;
  uint64_t epoch = 0;  // in which its sender was when it asked
  Bytes identity;
  Bytes key_package;  // an MLSMessage
};
/// Throws Reason::malformed, or mls::Rejected where it is not signed by the identity.
RejoinRequest read_rejoin_request(View message);

/// The reference by which a Welcome names that KeyPackage (an MLSMessage). Throws
/// Reason::malformed.
Bytes key_package_ref(View key_package);
/// What a KeyPackage (an MLSMessage) claims. Throws Reason::malformed.
struct KeyPackageInfo {
  Suite suite{};  // perhaps none of ours
  Bytes identity;
  Bytes inbox_token;  // empty where it has none
  LeafOrigin leaf;
};
KeyPackageInfo inspect_key_package(View key_package);

}  // namespace qnpc::group
