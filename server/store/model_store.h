// model_store: the Store as its interface describes it and nothing else, in memory. The tests hold
// the real store against it.
#pragma once

#include <algorithm>
#include <deque>
#include <map>

#include "schemas/rpc_error.h"
#include "server/store/store.h"
#include "server/store/writer.h"

namespace qnpc::server {

class ModelStore final : public Store {
 public:
  explicit ModelStore(const StoreLimits& store_limits) : limits_(store_limits) {}

  kj::Promise<Put> put_key_package(const OwnerKey& identity, const Fingerprint& fingerprint,
                                   Bytes package) override {
    return put(packages_[identity], limits_.key_packages, to_bytes(fingerprint),
               std::move(package));
  }
  kj::Promise<std::optional<Bytes>> take_key_package(const OwnerKey& identity) override {
    std::vector<Bytes> taken = take(packages_[identity], 1);
    if (taken.empty()) return std::optional<Bytes>();
    return std::optional<Bytes>(std::move(taken.front()));
  }
  kj::Promise<Put> enqueue(const OwnerKey& inbox, const std::optional<MessageId>& id,
                           Bytes payload) override {
    return put(inboxes_[inbox], limits_.inbox, id ? to_bytes(*id) : Bytes(), std::move(payload));
  }
  kj::Promise<std::vector<Bytes>> drain(const OwnerKey& inbox) override {
    return take(inboxes_[inbox], SIZE_MAX);
  }
  kj::Promise<Page> read(const OwnerKey& inbox, uint64_t after, uint32_t limit) override {
    Page page;
    for (const Entry& entry : inboxes_[inbox].entries) {
      if (entry.sequence <= after) continue;
      page.more = limit != 0 && page.entries.size() == limit;
      if (page.more) break;
      page.entries.push_back(entry);
    }
    return page;
  }
  kj::Promise<uint64_t> acknowledge(const OwnerKey& inbox, uint64_t through) override {
    Queue& queue = inboxes_[inbox];
    uint64_t removed = 0;
    for (; !queue.entries.empty() && queue.entries.front().sequence <= through; ++removed) {
      queue.entries.pop_front();
    }
    return removed;
  }
  kj::Promise<uint64_t> check_health() override { return ++health_checks_; }

 private:
  struct Queue {
    std::deque<Entry> entries;
    std::deque<Bytes> remembered;  // in generations, of which the last but one is complete
    size_t ids = 0;
  };

  kj::Promise<Put> put(Queue& queue, const FifoLimits& limits, const Bytes& id, Bytes blob) {
    if (!id.empty() && std::ranges::find(queue.remembered, id) != queue.remembered.end()) {
      return Put::duplicate;
    }
    size_t bytes = blob.size();
    for (const Entry& entry : queue.entries) bytes += entry.payload.size();
    if (queue.entries.size() + 1 > limits.entries || bytes > limits.bytes) {
      return rpc::to_exception(Error(Reason::quota, "full"));
    }
    queue.entries.push_back({++last_sequence_, std::move(blob)});
    if (id.empty()) return Put::stored;
    queue.remembered.push_back(id);
    if (++queue.ids % limits.remembered == 0) {
      while (queue.remembered.size() > limits.remembered) queue.remembered.pop_front();
    }
    return Put::stored;
  }

  static std::vector<Bytes> take(Queue& queue, size_t count) {
    std::vector<Bytes> taken;
    while (taken.size() < count && !queue.entries.empty()) {
      taken.push_back(std::move(queue.entries.front().payload));
      queue.entries.pop_front();
    }
    return taken;
  }

  const StoreLimits limits_;
  std::map<OwnerKey, Queue> packages_;
  std::map<OwnerKey, Queue> inboxes_;
  uint64_t last_sequence_ = 0;
  uint64_t health_checks_ = 0;
};

}  // namespace qnpc::server
