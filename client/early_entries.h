// early_entries: what a log shows of an epoch that is still to come: the change that begins it may
// be on a later page, or the server shows them in another order. It waits in the group's records,
// in one transaction with the cursor that has passed it. Which epoch it is of, it says itself (RFC
// 9420 6.3), not the server.
#pragma once

#include <optional>
#include <vector>

#include "client/delivery_server.h"

namespace qnpc::client {

class EarlyEntries {
 public:
  explicit EarlyEntries(Records records) : records_(std::move(records)) {}

  /// False where too much waits already: it is not kept then.
  bool keep(const LogEntry& entry);
  /// The oldest that is of that epoch, or of one before it; it waits no longer.
  std::optional<LogEntry> take_through(uint64_t epoch);
  /// The same, of a later epoch.
  std::optional<LogEntry> take_beyond(uint64_t epoch);
  bool is_empty() const { return list().empty(); }
  void clear();

 private:
  struct Waiting {
    uint64_t sequence = 0;
    uint64_t epoch = 0;
    bool is_commit = false;
    uint64_t bytes = 0;
    static auto wire(auto& m) { return std::tie(m.sequence, m.epoch, m.is_commit, m.bytes); }
  };
  std::vector<Waiting> list() const;
  template <class Which>
  std::optional<LogEntry> take(Which&& which);

  Records records_;
};

}  // namespace qnpc::client
