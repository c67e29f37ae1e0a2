// message_memory: how many bytes of long messages the server holds, in all and for each address: on
// their way in, while they are served, and on their way out to peers who read slowly. For all
// threads.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "server/limits.h"
#include "server/metrics.h"

namespace qnpc::server {

class MessageMemory {
 public:
  /// One address may have this part of the bytes: one of `share`. The metrics must outlive this,
  /// and this what is taken.
  MessageMemory(size_t most_bytes, Metrics& metrics, size_t share = limits::message_memory_share)
      : most_bytes_(most_bytes), most_of_host_(most_bytes / share), metrics_(metrics) {}
  MessageMemory(const MessageMemory&) = delete;
  MessageMemory& operator=(const MessageMemory&) = delete;

  /// Counts as long as it lives. Null for a message that is not long, together with what waits for
  /// the same peer. Throws Reason::overloaded.
  using Hold = std::shared_ptr<void>;
  Hold take(const std::string& host, size_t bytes, size_t waiting = 0);
  /// Throws as take() would.
  void require_room(const std::string& host, size_t bytes);
  size_t bytes() const;

 private:
  void require_room_within_lock(const std::string& host, size_t bytes);
  void give_back(const std::string& host, size_t bytes);

  const size_t most_bytes_;
  const size_t most_of_host_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  size_t bytes_ = 0;
  std::map<std::string, size_t> by_host_;
};

}  // namespace qnpc::server
