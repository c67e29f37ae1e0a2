// sqlite_store: the Store on one machine: a writer thread, some reader threads, one SQLite file.
#pragma once

#include <thread>
#include <vector>

#include "server/store/store.h"
#include "server/store/writer.h"

namespace qnpc::server {

/// One question to a reader thread.
class Read {
 public:
  virtual ~Read() noexcept(false) = default;
  virtual void answer(FifoReader& inbox) = 0;

  const size_t bytes = 0;  // a question holds nothing worth counting
};

/// May be called from any thread that runs a KJ event loop; promises resolve in that loop.
class SqliteStore final : public Store {
 public:
  /// Creates the database at `path`, or opens it: see prepare_database for what it throws.
  SqliteStore(const std::string& path, const StoreLimits& store_limits, Writer::OnFatal on_fatal);
  /// Finishes what was asked.
  ~SqliteStore() noexcept(false) override;

  kj::Promise<Put> put_key_package(const OwnerKey& identity, const Fingerprint& fingerprint,
                                   Bytes package) override;
  kj::Promise<std::optional<Bytes>> take_key_package(const OwnerKey& identity) override;
  kj::Promise<Put> enqueue(const OwnerKey& inbox, const std::optional<MessageId>& id,
                           Bytes payload) override;
  kj::Promise<std::vector<Bytes>> drain(const OwnerKey& inbox) override;
  kj::Promise<Page> read(const OwnerKey& inbox, uint64_t after, uint32_t limit) override;
  kj::Promise<uint64_t> acknowledge(const OwnerKey& inbox, uint64_t through) override;
  kj::Promise<uint64_t> check_health() override;

 private:
  Writer writer_;
  JobQueue<Read> reads_;
  std::vector<std::thread> readers_;
};

}  // namespace qnpc::server
