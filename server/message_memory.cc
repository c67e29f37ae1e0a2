#include "server/message_memory.h"

#include "qnpc/base/error.h"

namespace qnpc::server {

MessageMemory::Hold MessageMemory::take(const std::string& host, size_t bytes, size_t waiting) {
  if (waiting + bytes <= limits::long_message_bytes) return nullptr;
  std::lock_guard lock(mutex_);
  require_room_within_lock(host, bytes);
  bytes_ += bytes;
  by_host_[host] += bytes;
  return Hold(this, [this, host, bytes](void*) { give_back(host, bytes); });
}

void MessageMemory::require_room(const std::string& host, size_t bytes) {
  if (bytes <= limits::long_message_bytes) return;
  std::lock_guard lock(mutex_);
  require_room_within_lock(host, bytes);
}

void MessageMemory::require_room_within_lock(const std::string& host, size_t bytes) {
  auto held = by_host_.find(host);
  const size_t of_host = (held == by_host_.end() ? 0 : held->second) + bytes;
  if (bytes_ + bytes <= most_bytes_ && of_host <= most_of_host_) return;
  metrics_.limits_hit[Limit::message_memory_mib].add();
  throw Error(Reason::overloaded, "too many long messages are on their way");
}

void MessageMemory::give_back(const std::string& host, size_t bytes) {
  std::lock_guard lock(mutex_);
  bytes_ -= bytes;
  auto held = by_host_.find(host);
  if ((held->second -= bytes) == 0) by_host_.erase(held);
}

size_t MessageMemory::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace qnpc::server
