// group_log: the logs of groups. Each has one commit for an epoch and a token for it, of which the
// hash is kept; docs/server-store.md describes the tables.
//
// All calls happen within a transaction of the caller's; they throw as Database does, and before
// anything is changed an Error of `quota`, `conflict`, `not_found` or `unauthorized`.
#pragma once

#include <optional>
#include <string>

#include "server/store/database_size.h"
#include "server/store/retention.h"
#include "server/store/store.h"

namespace qnpc::server {

struct LogLimits {
  uint64_t entries;            // for one log
  uint64_t bytes;              // for one log, the sum of its payloads
  uint64_t epochs;             // whose tokens are known: the newest
  std::chrono::seconds grace;  // for which the last epoch's messages are accepted
  uint64_t winner_bytes;       // of a commit that one which lost is answered with
};

std::string group_log_schema();

class GroupLogReader {
 public:
  explicit GroupLogReader(Database& database);
  /// As FifoReader::read, and as Store::read_log says. Throws `not_found`, or `unauthorized` for a
  /// token that is not known.
  Page read(const LogId& log, const std::optional<TokenHash>& token, uint64_t after,
            uint64_t entries, size_t bytes);

 private:
  std::optional<uint64_t> beginning_of(const LogId& log, const TokenHash& token);

  Statement select_beginning_;
  Statement select_;
};

class GroupLog {
 public:
  /// `size` must outlive the logs.
  GroupLog(Database& database, const LogLimits& limits, Clock clock, const DatabaseSize& size);
  Put create(const LogId& id, uint64_t epoch, const TokenHash& token);
  uint64_t append(const LogAppend& message);
  CommitOutcome commit(const LogAppend& message, const TokenHash& next_token);

 private:
  struct Log {
    int64_t id = 0;
    uint64_t entries = 0;
    uint64_t bytes = 0;
    uint64_t epoch = 0;
    int64_t epoch_since = 0;   // seconds by our clock
    bool knows_token = false;  // of the message's epoch
  };
  Log find_for(const LogAppend& message);
  std::optional<uint64_t> first_answer(const Log& log, const LogAppend& message, bool is_commit);
  void require_recent_epoch(const Log& log, uint64_t epoch) const;
  CommitOutcome lost(const Log& log, uint64_t epoch);
  uint64_t insert(Log& log, const LogAppend& message, bool is_commit);
  void begin_epoch(const Log& log, const TokenHash& token);
  int64_t now() const { return clock_().time_since_epoch().count(); }

  const LogLimits limits_;
  const Clock clock_;
  const DatabaseSize& size_;
  Statement select_log_;
  Statement select_first_epoch_;
  Statement insert_log_;
  Statement update_log_;
  Statement select_epoch_;
  Statement insert_epoch_;
  Statement end_epoch_;
  Statement forget_epochs_;
  Statement select_by_id_;
  Statement select_commit_;
  Statement insert_;
};

}  // namespace qnpc::server
