#include "server/live_sessions.h"

namespace qnpc::server {

LiveSessions::Entry::Entry(LiveSessions& sessions, const OwnerKey& identity) : sessions_(sessions) {
  std::lock_guard lock(sessions_.mutex_);
  place_ = sessions_.entries_.emplace(identity, this);
}

LiveSessions::Entry::~Entry() {
  std::lock_guard lock(sessions_.mutex_);
  sessions_.entries_.erase(place_);
}

void LiveSessions::remove(const OwnerKey& identity) {
  std::lock_guard lock(mutex_);
  auto [begin, end] = entries_.equal_range(identity);
  for (auto entry = begin; entry != end; ++entry) entry->second->removed_.fulfiller->fulfill();
}

}  // namespace qnpc::server
