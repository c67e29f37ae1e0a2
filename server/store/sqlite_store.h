// sqlite_store: the Store on one machine: a writer thread, some reader threads, one SQLite file.
#pragma once

#include <thread>
#include <vector>

#include "server/store/store.h"
#include "server/store/writer.h"

namespace qnpc::server {

/// What a reader thread asks.
struct Readers {
  explicit Readers(Database& database);
  FifoReader inbox;
  GroupLogReader log;
  AccountsReader accounts;
  KeyPackagesReader key_packages;
};

/// One question to a reader thread.
class Read {
 public:
  virtual ~Read() noexcept(false) = default;
  virtual void answer(Readers& readers) = 0;

  const size_t bytes = 0;  // a question holds nothing worth counting
};

/// May be called from any thread that runs a KJ event loop; promises resolve in that loop.
class SqliteStore final : public Store {
 public:
  /// Creates the database at `path`, or opens it: see prepare_database for what it throws.
  /// `clock` is asked in the writer's thread.
  SqliteStore(const std::string& path, const StoreLimits& store_limits, Writer::OnFatal on_fatal,
              const Clock& clock = system_time);
  /// Finishes what was asked.
  ~SqliteStore() noexcept(false) override;

  const StoreMetrics& metrics() const { return writer_.metrics(); }
  /// Requests that wait.
  size_t queued_writes() { return writer_.queue()->size(); }
  size_t queued_reads() const { return reads_.size(); }

  kj::Promise<Put> put_key_package(const OwnerKey& identity, CipherSuite suite,
                                   const Fingerprint& fingerprint, Bytes package) override;
  kj::Promise<void> put_last_resort(const OwnerKey& identity, CipherSuite suite,
                                    Bytes package) override;
  kj::Promise<std::optional<Bytes>> take_key_package(const OwnerKey& identity,
                                                     CipherSuite suite) override;
  kj::Promise<std::optional<Bytes>> last_resort(const OwnerKey& identity,
                                                CipherSuite suite) override;
  kj::Promise<void> drop_key_packages(const OwnerKey& identity, CipherSuite suite) override;
  kj::Promise<KeyPackageStock> key_package_stock(const OwnerKey& identity,
                                                 CipherSuite suite) override;
  kj::Promise<void> set_delivery_token(const OwnerKey& inbox, const TokenHash& token) override;
  kj::Promise<Put> enqueue(const OwnerKey& inbox, const std::optional<TokenHash>& token,
                           const std::optional<MessageId>& id, Bytes payload) override;
  kj::Promise<std::vector<Bytes>> drain(const OwnerKey& inbox) override;
  kj::Promise<Page> read(const OwnerKey& inbox, uint64_t after, uint32_t limit) override;
  kj::Promise<uint64_t> acknowledge(const OwnerKey& inbox, uint64_t through) override;
  kj::Promise<void> count_log(const OwnerKey& maker) override;
  kj::Promise<Put> create_log(const LogId& log, uint64_t epoch, const TokenHash& token) override;
  kj::Promise<uint64_t> append(LogAppend message) override;
  kj::Promise<CommitOutcome> commit(LogAppend message, const TokenHash& next_token) override;
  kj::Promise<Page> read_log(const LogId& log, const std::optional<TokenHash>& token,
                             uint64_t after, uint32_t limit) override;
  kj::Promise<void> set_standing(const OwnerKey& identity, Standing standing) override;
  kj::Promise<void> admit(const OwnerKey& identity) override;
  kj::Promise<Standing> standing(const OwnerKey& identity) override;
  kj::Promise<std::vector<OwnerKey>> admitted() override;
  kj::Promise<Put> create_invitation(const Invitation& invitation) override;
  kj::Promise<void> use_invitation(const TokenHash& token, const OwnerKey& identity) override;
  kj::Promise<bool> revoke_invitation(const TokenHash& token) override;
  kj::Promise<std::vector<Invitation>> invitations() override;
  kj::Promise<void> watch(const QueueName& queue) override;
  kj::Promise<bool> expire() override;
  kj::Promise<uint64_t> check_health() override;

 private:
  static std::chrono::sys_seconds system_time();

  Writer writer_;
  JobQueue<Read> reads_;
  std::vector<std::thread> readers_;
};

}  // namespace qnpc::server
