#include "server/store/writer.h"

#include <algorithm>

#include "server/store/database_file.h"

namespace qnpc::server {
namespace {

/// A full disk or a lock may pass; after anything else nothing more may be promised, because the
/// kernel may have thrown away pages that it could not write.
bool may_pass(const Error& error) {
  return error.reason() == Reason::overloaded || error.reason() == Reason::unknown;
}

/// What a call says of its own request, before it has changed anything.
bool is_refusal(const Error& error) {
  return error.reason() == Reason::conflict || error.reason() == Reason::not_found ||
         error.reason() == Reason::unauthorized;
}

}  // namespace

Tables::Tables(Database& database, const StoreLimits& store_limits, const Clock& what_time)
    : clock(what_time),
      size(database, store_limits.database_bytes),
      key_packages(database, store_limits.key_packages, store_limits.key_package_age, size),
      inbox(database, inbox_queue, store_limits.inbox, {Limit::inbox_entries, Limit::inbox_mib},
            size),
      log(database, store_limits.log, what_time, size),
      accounts(database, store_limits.logs_per_identity),
      inbox_retention(database, inbox_queue, store_limits.inbox_retention),
      log_retention(database, log_queue, store_limits.log_retention),
      count_health_check(
          database.prepare("UPDATE health SET checks = checks + 1 RETURNING checks")) {}

bool Tables::remove_due() {
  const bool more_in_inboxes = inbox_retention.remove_due(clock());
  const bool more_in_logs = log_retention.remove_due(clock());
  const bool more_key_packages = key_packages.remove_due(clock());
  return more_in_inboxes || more_in_logs || more_key_packages;
}

Writer::Writer(Database database, const StoreLimits& store_limits, const Clock& clock,
               OnFatal on_fatal)
    : database_(std::move(database)),
      batch_requests_(store_limits.batch_requests),
      serving_time_(store_limits.serving_time),
      on_fatal_(std::move(on_fatal)),
      tables_(database_, store_limits, clock),
      queue_(std::make_shared<WriteQueue>(limits::queued_requests, limits::queued_bytes)) {
  sqlite3_wal_hook(
      database_.handle(),
      [](void* pages, sqlite3*, const char*, int log_pages) {
        *static_cast<int*>(pages) = log_pages;
        return SQLITE_OK;
      },
      &log_pages_);
  measure_size();
  thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
  queue_->close();
  thread_.join();
}

void Writer::run() {
  while (std::unique_ptr<Write> first = queue_->wait()) {
    if (!usable_) {
      first->failed(Error(Reason::unavailable, "the store has stopped after a disk error"));
      continue;
    }
    commit_batch(std::move(first));
    if (usable_) checkpoint_if_due();
  }
}

void Writer::commit_batch(std::unique_ptr<Write> first) {
  Batch applied;
  bool committing = false;
  try {
    database_.execute("BEGIN IMMEDIATE");
    measure_size();
    apply_batch(std::move(first), applied);
    committing = true;
    const auto begin = std::chrono::steady_clock::now();
    database_.execute("COMMIT");
    commit_time_ = std::chrono::steady_clock::now() - begin;
    metrics_.commit_time.observe(commit_time_);
  } catch (const Error& error) {
    if (first) take_all(std::move(first), applied);
    if (may_pass(error) && roll_back()) {
      // SQLite says FULL before the commit record is written: then nothing of the batch is there.
      const bool is_written = committing && error.reason() == Reason::unknown;
      return fail_all(applied, Error(is_written ? Reason::unknown : Reason::overloaded,
                                     "the disk is full or busy"));
    }
    fail_all(applied, Error(committing ? Reason::unknown : Reason::unavailable,
                            "the disk failed while this was written"));
    return give_up(error);
  }
  callers_ = applied.size() + queue_->size();
  metrics_.writes.add(applied.size());
  answer_all(applied);
}

void Writer::measure_size() {
  tables_.size.measure();
  metrics_.database_bytes.set(tables_.size.bytes());
}

void Writer::apply_batch(std::unique_ptr<Write> first, Batch& applied) {
  const std::chrono::steady_clock::duration longest = limits::longest_gathering;
  const auto end = std::chrono::steady_clock::now() + std::min(longest, commit_time_ / 2);
  const size_t most = size_of_batch();
  size_t answer_bytes = 0;
  for (auto next = std::move(first); next; next = next_of_batch(applied.size(), end)) {
    applied.push_back(std::move(next));
    try {
      answer_bytes += applied.back()->apply(tables_);
    } catch (const OverQuota& error) {
      metrics_.limits_hit[error.limit()].add();
      applied.back()->refusal = error;
    } catch (const Error& error) {
      if (!is_refusal(error)) throw;
      // Answered with the others: it may be due to one of them, which is not on the disk yet.
      applied.back()->refusal = error;
    }
    if (applied.size() >= most || answer_bytes >= limits::batch_answer_bytes) return;
  }
}

// Where nothing can be begun: each of those who wait would wait as long as the first one has.
void Writer::take_all(std::unique_ptr<Write> first, Batch& batch) {
  batch.push_back(std::move(first));
  for (size_t waiting = queue_->size(); waiting > 0; --waiting) batch.push_back(queue_->try_next());
}

// Where all callers are in one batch, the loops have nothing to do while the disk works, and then
// the disk while they answer and receive. Two halves take turns, if they are large enough: else
// each would only wait for the disk twice.
size_t Writer::size_of_batch() const {
  const size_t half = callers_ / 2;
  return half * serving_time_ > commit_time_ ? std::min(half, batch_requests_) : batch_requests_;
}

// Callers who were answered together come back one after the other, by way of the network. To
// commit with the first of them would make all the others wait for the disk twice.
std::unique_ptr<Write> Writer::next_of_batch(size_t size,
                                             std::chrono::steady_clock::time_point end) {
  return size < callers_ ? queue_->wait_until(end) : queue_->try_next();
}

bool Writer::roll_back() {
  try {
    if (database_.in_transaction()) database_.execute("ROLLBACK");
    return true;
  } catch (const Error&) {
    return false;
  }
}

void Writer::checkpoint_if_due() {
  if (log_pages_ < limits::checkpoint_pages) return;
  try {
    database_.checkpoint();
  } catch (const Error& error) {
    // The log keeps what could not be moved; the next commit tries again.
    if (!may_pass(error)) give_up(error);
  }
}

void Writer::answer_all(Batch& batch) {
  std::vector<QueueName> appended;
  for (auto& write : batch) {
    if (write->refusal) {
      write->failed(*write->refusal);
      continue;
    }
    write->committed();
    if (write->queue) appended.push_back(*write->queue);
  }
  doorbells_.ring(appended);
}

void Writer::fail_all(Batch& batch, const Error& error) {
  for (auto& write : batch) write->failed(error);
}

void Writer::give_up(const Error& error) {
  usable_ = false;
  on_fatal_(error);
}

}  // namespace qnpc::server
