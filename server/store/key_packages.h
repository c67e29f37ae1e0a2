// key_packages: what identities leave for others to take, by cipher suite: single-use ones, oldest
// first, and one of last resort. None is handed out after its time: it would be refused.
//
// They stand in a Fifo, which bounds what one identity has and knows what was put before; beside it
// is noted of each what kind it is and when it came. docs/server-store.md describes the tables.
//
// All calls happen within a transaction of the caller's; they throw as Database does.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/store/fifo.h"

namespace qnpc::server {

/// The statements that make the table beside the Fifo's.
std::string key_packages_schema();
/// And those that fill it from a database of version 4, where all were of one suite.
std::string key_packages_from_version_4();

class KeyPackagesReader {
 public:
  explicit KeyPackagesReader(Database& database);
  /// What is past its time counts until it is removed.
  KeyPackageStock stock(const OwnerKey& identity, CipherSuite suite);

 private:
  Statement count_;
};

class KeyPackages {
 public:
  /// `keep`: how long one is handed out. `size` must outlive this.
  KeyPackages(Database& database, const FifoLimits& limits, std::chrono::seconds keep,
              const DatabaseSize& size);

  /// Throws Reason::quota before anything is changed.
  Put put(const OwnerKey& identity, CipherSuite suite, const Fingerprint& fingerprint, View package,
          std::chrono::sys_seconds now);
  /// Replaces the one of that suite. Throws as put() does.
  void put_last_resort(const OwnerKey& identity, CipherSuite suite, View package,
                       std::chrono::sys_seconds now);
  /// The oldest single-use one, which is removed, or else the last resort, which stays.
  std::optional<Bytes> take(const OwnerKey& identity, CipherSuite suite,
                            std::chrono::sys_seconds now);
  std::optional<Bytes> last_resort(const OwnerKey& identity, CipherSuite suite,
                                   std::chrono::sys_seconds now);
  /// Removes the single-use ones.
  void drop(const OwnerKey& identity, CipherSuite suite);
  /// Removes at most limits::expire_entries that are past their time. True where more may be.
  bool remove_due(std::chrono::sys_seconds now);

 private:
  enum class Kind : int64_t { single_use = 0, last_resort = 1 };
  struct Held {
    int64_t sequence;
    int64_t owner;
    int64_t bytes;
  };
  static std::vector<Held> all(Rows rows);
  std::vector<Held> all_of(const OwnerKey& identity, CipherSuite suite, Kind kind);
  void remove(const Held& held);

  const std::chrono::seconds keep_;
  Fifo queue_;
  Statement insert_kind_;
  Statement select_first_;
  Statement select_last_resort_;
  Statement select_of_kind_;
  Statement clamp_times_;
  Statement select_due_;
  Statement delete_entry_;
  Statement delete_kind_;
  Statement update_owner_;
};

}  // namespace qnpc::server
