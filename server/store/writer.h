// writer: the one thread that changes the database. All requests that wait when it begins go into
// one transaction (group commit): the wait for the disk is shared, and nobody is answered before
// it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "server/limits.h"
#include "server/metrics.h"
#include "server/store/accounts.h"
#include "server/store/doorbells.h"
#include "server/store/fifo.h"
#include "server/store/group_log.h"
#include "server/store/job_queue.h"
#include "server/store/key_packages.h"

namespace qnpc::server {

/// What the store promises to keep for one key.
struct StoreLimits {
  FifoLimits key_packages{limits::key_packages, limits::key_packages_total_bytes,
                          limits::remembered_fingerprints};
  FifoLimits inbox{limits::inbox_entries, limits::inbox_total_bytes,
                   limits::remembered_message_ids};
  LogLimits log{limits::log_entries, limits::log_total_bytes, limits::log_epochs,
                limits::previous_epoch_grace, limits::winner_bytes};
  uint64_t logs_per_identity = limits::logs_per_identity;  // made since ever
  std::chrono::seconds key_package_age = limits::key_package_age;
  std::chrono::seconds inbox_retention = limits::retention;
  std::chrono::seconds log_retention = limits::retention;
  uint64_t database_bytes = limits::database_bytes;
  // Requests in one transaction. One is how a store without group commit behaves.
  size_t batch_requests = limits::queued_requests;
  // What a caller needs between two requests; none where it is in this process.
  std::chrono::microseconds serving_time = limits::serving_time;
};

/// All that a write can change, within the transaction of its batch.
struct Tables {
  Tables(Database& database, const StoreLimits& store_limits, const Clock& clock);
  /// True where more is due.
  bool remove_due();

  const Clock clock;
  DatabaseSize size;
  KeyPackages key_packages;
  Fifo inbox;
  GroupLog log;
  Accounts accounts;
  Retention inbox_retention;
  Retention log_retention;
  Statement count_health_check;
};

/// One request to change something. It is applied, and then exactly one of the others is called.
class Write {
 public:
  Write(size_t waiting_bytes, const std::optional<QueueName>& appends_to)
      : bytes(waiting_bytes), queue(appends_to) {}
  virtual ~Write() noexcept(false) = default;  // what KJ objects in it demand
  /// Returns how many bytes its answer holds. A refusal is thrown before any change.
  virtual size_t apply(Tables& tables) = 0;
  virtual void committed() = 0;
  virtual void failed(const Error& error) = 0;

  const size_t bytes;
  const std::optional<QueueName> queue;  // whose watchers are to be told
  std::optional<Error> refusal;          // thrown by apply()
};

using WriteQueue = JobQueue<Write>;

class Writer {
 public:
  /// `on_fatal` is called from the writer's thread when nothing can be said any more about what is
  /// on the disk; it ends the process, or else every later request fails with `unavailable`.
  using OnFatal = std::function<void(const Error&)>;

  Writer(Database database, const StoreLimits& store_limits, const Clock& clock, OnFatal on_fatal);
  /// Finishes what was submitted.
  ~Writer();

  const std::shared_ptr<WriteQueue>& queue() { return queue_; }
  Doorbells& doorbells() { return doorbells_; }
  const StoreMetrics& metrics() const { return metrics_; }

 private:
  using Batch = std::vector<std::unique_ptr<Write>>;
  void run();
  void commit_batch(std::unique_ptr<Write> first);
  void measure_size();
  void apply_batch(std::unique_ptr<Write> first, Batch& applied);
  size_t size_of_batch() const;
  std::unique_ptr<Write> next_of_batch(size_t size, std::chrono::steady_clock::time_point end);
  void take_all(std::unique_ptr<Write> first, Batch& batch);
  bool roll_back();
  void checkpoint_if_due();
  void answer_all(Batch& batch);
  void fail_all(Batch& batch, const Error& error);
  void give_up(const Error& error);

  Database database_;
  const size_t batch_requests_;
  const std::chrono::microseconds serving_time_;
  OnFatal on_fatal_;
  Tables tables_;
  Doorbells doorbells_;
  StoreMetrics metrics_;
  int log_pages_ = 0;
  size_t callers_ = 0;  // whom the last batch answered, and who waited then
  std::chrono::steady_clock::duration commit_time_{};  // of the last batch
  bool usable_ = true;
  std::shared_ptr<WriteQueue> queue_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace qnpc::server
