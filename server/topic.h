// topic: what the subscribers of one queue in one event loop share: one doorbell, and the pages
// that are being read. After a ring, all who stand at the end get the page of one read.
#pragma once

#include <kj/async.h>

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/store/store.h"

namespace qnpc::server {

class Topic final : private kj::TaskSet::ErrorHandler {
 public:
  using SharedPage = std::shared_ptr<const Page>;
  /// What there is after a sequence number.
  struct News {
    SharedPage page;     // null: nothing
    uint64_t rings = 0;  // before it was read
  };

  /// The store must outlive the topic.
  Topic(Store& store, const QueueName& queue) : store_(store), queue_(queue) {}
  KJ_DISALLOW_COPY(Topic);

  /// Fails as Store::read does.
  kj::Promise<News> read_after(uint64_t after);
  /// Resolves when the bell has rung more often.
  kj::Promise<void> when_rung(uint64_t rings);

 private:
  using Waiting = std::vector<kj::Own<kj::PromiseFulfiller<News>>>;
  using Reading = std::pair<uint64_t, uint64_t>;  // rings before it, and after which number

  void watch();
  kj::Promise<Page> read_from_store(uint64_t after);
  void answer(const Reading& reading, Page page);
  Waiting take_waiting(const Reading& reading);
  void taskFailed(kj::Exception&&) override {}  // whoever waited was told

  Store& store_;
  const QueueName queue_;
  uint64_t rings_ = 0;
  bool watching_ = false;
  std::optional<uint64_t> end_;  // after which there was nothing, since the last ring
  std::map<Reading, Waiting> readings_;
  kj::ForkedPromise<void> bell_ = nullptr;
  kj::TaskSet reads_{*this};
};

}  // namespace qnpc::server
