// live_sessions: which identities are logged in on which connections, so that one who is removed
// can be shown out. For all threads.
#pragma once

#include <kj/async.h>

#include <map>
#include <mutex>

#include "server/store/store.h"

namespace qnpc::server {

class LiveSessions {
 public:
  /// A place in the list, for as long as it lives.
  class Entry {
   public:
    Entry(LiveSessions& sessions, const OwnerKey& identity);
    KJ_DISALLOW_COPY(Entry);
    ~Entry();
    /// Resolves when the identity was removed, in the loop that made the entry. For one waiter.
    kj::Promise<void> when_removed() { return kj::mv(removed_.promise); }

   private:
    friend LiveSessions;
    LiveSessions& sessions_;
    kj::PromiseCrossThreadFulfillerPair<void> removed_ =
        kj::newPromiseAndCrossThreadFulfiller<void>();
    std::multimap<OwnerKey, Entry*>::iterator place_;
  };

  void remove(const OwnerKey& identity);

 private:
  std::mutex mutex_;
  std::multimap<OwnerKey, Entry*> entries_;
};

}  // namespace qnpc::server
