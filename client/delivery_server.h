// delivery_server: the Delivery Service as the client uses it, docs/rpc.md. services.h has the real
// one, behind a connection; tests play their own.
#pragma once

#include <optional>
#include <vector>

#include "client/exit_code.h"
#include "client/state/tables.h"

namespace qnpc::client {

struct InboxEntry {
  uint64_t sequence = 0;
  Bytes payload;
};
struct InboxPage {
  std::vector<InboxEntry> entries;
  bool more = false;
  uint64_t expired_through = 0;  // the highest number that retention has removed; 0: none
};

struct LogEntry {
  uint64_t sequence = 0;
  uint64_t epoch = 0;
  bool is_commit = false;
  Bytes payload;
};
struct LogPage {
  std::vector<LogEntry> entries;
  bool more = false;
  uint64_t epoch = 0;            // the log's present one
  uint64_t expired_through = 0;  // entries up to here are gone
};

/// What became of an append.
struct Appended {
  bool accepted = false;  // now or, where it is a repetition, before; else the epoch is another one
  uint64_t sequence = 0;  // of what was accepted; 0 for a log that was made
};

/// Each call throws ServerError as the server answered it, or where it cannot be heard.
class DeliveryServer {
 public:
  virtual ~DeliveryServer() noexcept(false) = default;  // a KJ promise may be in it
  /// By which its numbering is told from another server's.
  virtual View server_key() const = 0;

  /// Delivers one payload to several inboxes, many at a time. The result has one element for each
  /// delivery: nothing, or why the server refused it. Throws where the server cannot be heard.
  virtual std::vector<std::optional<ServerError>> enqueue(
      View payload, const std::vector<Delivery>& deliveries) = 0;
  virtual InboxPage read(View recipient_key, uint64_t after) = 0;
  virtual void acknowledge(View recipient_key, uint64_t through) = 0;

  /// Makes the log, or carries out the append; safe to repeat.
  virtual Appended append(View log_id, const Append& append) = 0;
  virtual LogPage read_log(View log_id, const Secret& token, uint64_t after) = 0;
};

}  // namespace qnpc::client
