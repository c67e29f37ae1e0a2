// fifo: the one shape of everything the server keeps. For each 32-byte key, a queue of blobs in
// which the same id is put once. KeyPackages are such queues by identity and fingerprint, inboxes
// by recipient and message id. docs/server-store.md describes the tables.
//
// All calls happen within a transaction of the caller's; they throw as Database does.
#pragma once

#include <optional>
#include <string>

#include "server/store/database_size.h"
#include "server/store/over_quota.h"
#include "server/store/store.h"

namespace qnpc::server {

struct FifoLimits {
  uint64_t entries;     // for one key
  uint64_t bytes;       // for one key, the sum of its blobs
  uint64_t remembered;  // ids for one key: at least so many of the newest, at most twice that
};

/// By which name it is counted that a queue is full.
struct FifoQuotas {
  Limit entries;
  Limit bytes;
};

/// The statements that make the tables of a queue with this name.
std::string fifo_schema(const std::string& name);

class FifoReader {
 public:
  FifoReader(Database& database, const std::string& name);
  /// The oldest blobs after a sequence number: at most `entries` of them, and so many that they
  /// are at most `bytes` together, but at least one.
  Page read(const OwnerKey& key, uint64_t after, uint64_t entries, size_t bytes);

 private:
  Statement select_;
};

class Fifo {
 public:
  /// `size` must outlive the queue.
  Fifo(Database& database, const std::string& name, const FifoLimits& limits,
       const FifoQuotas& quotas, const DatabaseSize& size);
  /// Appends a blob; returns its sequence number, or nothing where the id is remembered. An empty
  /// id is no id. Throws OverQuota before anything is changed.
  std::optional<uint64_t> put(const OwnerKey& key, View id, View blob);
  /// Removes and returns the oldest blobs, bounded as in FifoReader::read.
  std::vector<Bytes> take(const OwnerKey& key, uint64_t entries, size_t bytes);
  /// Removes the blobs up to and including a sequence number; returns how many.
  uint64_t remove_through(const OwnerKey& key, uint64_t through);

 private:
  struct Owner {
    int64_t id;
    uint64_t entries;
    uint64_t bytes;
    uint64_t ids;  // remembered since ever
  };
  std::optional<Owner> find_owner(const OwnerKey& key);
  bool is_remembered(const Owner& owner, View id);
  void remember(Owner& owner, View id);
  int64_t generation(const Owner& owner) const;

  FifoLimits limits_;
  FifoQuotas quotas_;
  const DatabaseSize& size_;
  FifoReader reader_;
  Statement select_owner_;
  Statement insert_owner_;
  Statement update_owner_;
  Statement insert_;
  Statement sum_through_;
  Statement delete_through_;
  Statement is_remembered_;
  Statement remember_;
  Statement forget_before_;
};

}  // namespace qnpc::server
