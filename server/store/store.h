// store: what the services need from durable storage, and nothing of how it is done.
//
// Every call is atomic on one key (one identity, one inbox or one log), so that one machine or a
// replicated engine can serve the same interface. Calls that change something resolve once that is
// durable. A failed call rejects with rpc::to_exception of an Error: `unknown` (perhaps applied:
// repeat with the same id), or another reason (not applied): `quota`, `overloaded`, `unavailable`,
// and where it is said so `conflict`, `not_found` and `unauthorized`.
#pragma once

#include <kj/async.h>

#include <chrono>
#include <optional>
#include <vector>

#include "qnpc/base/bytes.h"

namespace qnpc::server {

using OwnerKey = ByteArray<32>;     // an Ed25519 public key: of an identity, or naming an inbox
using Fingerprint = ByteArray<32>;  // SHA-256 of a KeyPackage
using CipherSuite = uint16_t;       // by which KeyPackages are told apart (RFC 9420 17.1)
using MessageId = ByteArray<16>;    // chosen by the sender at random
using LogId = ByteArray<32>;        // chosen at random, known to a group's members
using TokenHash = ByteArray<32>;    // SHA-256 of the token that the members of one epoch know

struct Entry {
  uint64_t sequence = 0;  // increases within one inbox or log, may have gaps, is never given twice
  Bytes payload;
  // Of logs only:
  uint64_t epoch = 0;
  bool is_commit = false;
};

struct Page {
  std::vector<Entry> entries;
  bool more = false;             // entries after the last one exist
  uint64_t expired_through = 0;  // the highest number that retention removed; 0: none
  // Of logs only:
  uint64_t epoch = 0;      // the current one
  uint64_t beginning = 0;  // the number of the commit that began the reader's epoch; 0: none
};

inline size_t payload_bytes(const Page& page) {
  size_t bytes = 0;
  for (const Entry& entry : page.entries) bytes += entry.payload.size();
  return bytes;
}

enum class Put { stored, duplicate };

/// What an identity has of one suite for others to take.
struct KeyPackageStock {
  uint64_t count = 0;  // without the last resort
  bool has_last_resort = false;
};

/// What the server's operator, or an invitation, has made of an identity. Numbers are in databases.
enum class Standing { unknown = 0, admitted = 1, removed = 2 };

/// Lets so many identities in, until it expires. Whoever has the token of that hash may use it.
struct Invitation {
  TokenHash token{};
  uint64_t uses = 0;
  uint64_t used = 0;
  std::chrono::sys_seconds expires;
};

/// Something to append to a log, and the right to do so.
struct LogAppend {
  LogId log{};
  uint64_t epoch = 0;  // less than 2^63
  TokenHash token{};   // of the token of that epoch
  MessageId id{};
  Bytes payload;
};

/// What became of a commit: it ended its epoch, or another one had.
struct CommitOutcome {
  bool accepted = false;
  uint64_t sequence = 0;        // of the accepted commit
  uint64_t epoch = 0;           // the log's, afterwards
  std::optional<Entry> winner;  // the commit that ended the epoch, where it is held; without its
                                // payload where that is large
};

/// A queue that can be watched.
struct QueueName {
  enum class Kind { inbox, log };
  Kind kind = Kind::inbox;
  ByteArray<32> key{};
  auto operator<=>(const QueueName&) const = default;
};

class Store {
 public:
  virtual ~Store() noexcept(false) = default;

  /// Stores a KeyPackage behind those that the identity has. `duplicate` where the fingerprint is
  /// remembered, also after the package was taken.
  virtual kj::Promise<Put> put_key_package(const OwnerKey& identity, CipherSuite suite,
                                           const Fingerprint& fingerprint, Bytes package) = 0;
  /// Replaces the KeyPackage that is handed out, again and again, when there is no other.
  virtual kj::Promise<void> put_last_resort(const OwnerKey& identity, CipherSuite suite,
                                            Bytes package) = 0;
  /// Takes the oldest KeyPackage of the identity: each goes to one caller, also across a crash.
  /// Where there is none, the last resort, which stays. None that is past its time.
  virtual kj::Promise<std::optional<Bytes>> take_key_package(const OwnerKey& identity,
                                                             CipherSuite suite) = 0;
  /// The last resort alone, whatever else there is.
  virtual kj::Promise<std::optional<Bytes>> last_resort(const OwnerKey& identity,
                                                        CipherSuite suite) = 0;
  /// Removes those that were not taken, all but the last resort.
  virtual kj::Promise<void> drop_key_packages(const OwnerKey& identity, CipherSuite suite) = 0;
  virtual kj::Promise<KeyPackageStock> key_package_stock(const OwnerKey& identity,
                                                         CipherSuite suite) = 0;

  /// From now on that token is what delivers into the inbox, and no other.
  virtual kj::Promise<void> set_delivery_token(const OwnerKey& inbox, const TokenHash& token) = 0;
  /// Appends to an inbox. `duplicate` where the id is remembered, also after the entry was removed.
  /// Fails with `unauthorized` for another token than the inbox has; without one, the caller
  /// answers for the sender.
  virtual kj::Promise<Put> enqueue(const OwnerKey& inbox, const std::optional<TokenHash>& token,
                                   const std::optional<MessageId>& id, Bytes payload) = 0;
  /// Removes and returns the oldest entries, at most limits::drain_bytes of them.
  virtual kj::Promise<std::vector<Bytes>> drain(const OwnerKey& inbox) = 0;
  /// The oldest entries after a sequence number. A `limit` of 0 asks for as many as one page holds.
  virtual kj::Promise<Page> read(const OwnerKey& inbox, uint64_t after, uint32_t limit) = 0;
  /// Removes the entries up to and including a sequence number; returns how many that were.
  virtual kj::Promise<uint64_t> acknowledge(const OwnerKey& inbox, uint64_t through) = 0;

  /// Counts a log that the identity is about to make. Fails with `quota` past
  /// StoreLimits::logs_per_identity. What the logs are is not kept, and none is ever given back.
  virtual kj::Promise<void> count_log(const OwnerKey& maker) = 0;
  /// Makes an empty log. `duplicate` where it was made with the same values; with others: conflict.
  virtual kj::Promise<Put> create_log(const LogId& log, uint64_t epoch, const TokenHash& token) = 0;
  /// Appends what is no commit, in the current epoch of the log or for a short time in the one
  /// before; returns its sequence number, of the first time where the id is known. Fails with
  /// `not_found`, `unauthorized` (another token) or `conflict` (another epoch).
  virtual kj::Promise<uint64_t> append(LogAppend message) = 0;
  /// Appends a commit, which ends the current epoch and begins the next one with its token. Each
  /// epoch is ended once. Fails as append() does; in a past epoch it does not fail but loses.
  virtual kj::Promise<CommitOutcome> commit(LogAppend message, const TokenHash& next_token) = 0;
  /// Reads as from an inbox. `token` may be of any epoch that the log remembers, and what came
  /// before that epoch began is not for its reader: a new member finds its beginning by its token.
  /// Without one, the caller answers for the reader, who gets everything. Fails with `not_found` or
  /// `unauthorized`.
  virtual kj::Promise<Page> read_log(const LogId& log, const std::optional<TokenHash>& token,
                                     uint64_t after, uint32_t limit) = 0;

  /// Who may log in. Repeating it changes nothing.
  virtual kj::Promise<void> set_standing(const OwnerKey& identity, Standing standing) = 0;
  /// Makes one that is unknown an admitted one. Fails with `unauthorized` where it was removed.
  virtual kj::Promise<void> admit(const OwnerKey& identity) = 0;
  virtual kj::Promise<Standing> standing(const OwnerKey& identity) = 0;
  virtual kj::Promise<std::vector<OwnerKey>> admitted() = 0;

  /// `duplicate` where there is one with that token.
  virtual kj::Promise<Put> create_invitation(const Invitation& invitation) = 0;
  /// Counts the identity as invited; repeating it changes nothing. Fails with `unauthorized` where
  /// there is no such invitation, or it has expired or is used up.
  virtual kj::Promise<void> use_invitation(const TokenHash& token, const OwnerKey& identity) = 0;
  /// False where there is none. Whom it has let in stays.
  virtual kj::Promise<bool> revoke_invitation(const TokenHash& token) = 0;
  virtual kj::Promise<std::vector<Invitation>> invitations() = 0;

  /// A doorbell: resolves when something may have been appended since the call. What it was, only
  /// reading tells.
  virtual kj::Promise<void> watch(const QueueName& queue) = 0;

  /// Removes some of the entries that are past their time, in order of their sequence numbers; true
  /// where others are due now. To be called about once a minute. Each entry is a change by itself.
  virtual kj::Promise<bool> expire() = 0;

  /// Makes one small durable change, and so proves that the store can. Returns how often so far.
  virtual kj::Promise<uint64_t> check_health() = 0;
};

}  // namespace qnpc::server
