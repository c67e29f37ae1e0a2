#include "server/store/writer.h"

namespace qnpc::server {
namespace {

/// A full disk or a lock may pass; after anything else nothing more may be promised, because the
/// kernel may have thrown away pages that it could not write.
bool may_pass(const Error& error) { return error.reason() == Reason::overloaded; }

}  // namespace

Tables::Tables(Database& database, const StoreLimits& store_limits)
    : key_packages(database, "key_package", store_limits.key_packages),
      inbox(database, "inbox", store_limits.inbox),
      count_health_check(
          database.prepare("UPDATE health SET checks = checks + 1 RETURNING checks")) {}

Writer::Writer(Database database, const StoreLimits& store_limits, OnFatal on_fatal)
    : database_(std::move(database)),
      batch_requests_(store_limits.batch_requests),
      on_fatal_(std::move(on_fatal)),
      tables_(database_, store_limits),
      queue_(limits::queued_requests, limits::queued_bytes) {
  sqlite3_wal_hook(
      database_.handle(),
      [](void* pages, sqlite3*, const char*, int log_pages) {
        *static_cast<int*>(pages) = log_pages;
        return SQLITE_OK;
      },
      &log_pages_);
  thread_ = std::thread([this] { run(); });
}

Writer::~Writer() {
  queue_.close();
  thread_.join();
}

void Writer::run() {
  while (std::unique_ptr<Write> first = queue_.wait()) {
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
    apply_batch(std::move(first), applied);
    committing = true;
    database_.execute("COMMIT");
  } catch (const Error& error) {
    if (first) applied.push_back(std::move(first));
    // SQLite says FULL before the commit record is written: then nothing of the batch is there.
    if (may_pass(error) && roll_back()) {
      return fail_all(applied, Error(Reason::overloaded, "the disk is full or busy"));
    }
    fail_all(applied, Error(committing ? Reason::unknown : Reason::unavailable,
                            "the disk failed while this was written"));
    return give_up(error);
  }
  for (auto& write : applied) write->committed();
}

void Writer::apply_batch(std::unique_ptr<Write> first, Batch& applied) {
  size_t answer_bytes = 0;
  for (auto next = std::move(first); next; next = queue_.try_next()) {
    applied.push_back(std::move(next));
    try {
      answer_bytes += applied.back()->apply(tables_);
    } catch (const Error& error) {
      if (error.reason() != Reason::quota) throw;
      applied.back()->failed(error);
      applied.pop_back();
    }
    if (applied.size() >= batch_requests_ || answer_bytes >= limits::batch_answer_bytes) return;
  }
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

void Writer::fail_all(Batch& batch, const Error& error) {
  for (auto& write : batch) write->failed(error);
}

void Writer::give_up(const Error& error) {
  usable_ = false;
  on_fatal_(error);
}

}  // namespace qnpc::server
