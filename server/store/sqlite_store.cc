#include "server/store/sqlite_store.h"

#include "schemas/rpc_error.h"
#include "server/store/database_file.h"
#include "server/store/turn.h"

namespace qnpc::server {
namespace {

// Two, so that one slow page does not hold up the others.
constexpr size_t reader_threads = 2;

/// What a change returns that has nothing to tell.
struct Done {};

size_t held_bytes(const std::optional<Bytes>& blob) { return blob ? blob->size() : 0; }
size_t held_bytes(const std::vector<Bytes>& blobs) {
  size_t sum = 0;
  for (const Bytes& blob : blobs) sum += blob.size();
  return sum;
}
size_t held_bytes(Put) { return 0; }
size_t held_bytes(uint64_t) { return 0; }
size_t held_bytes(bool) { return 0; }
size_t held_bytes(Done) { return 0; }
size_t held_bytes(const CommitOutcome& outcome) {
  return outcome.winner ? outcome.winner->payload.size() : 0;
}

/// A write that computes a T; the loop that asked learns of it with its turn.
template <class T, class Change>
class Answered final : public Write {
 public:
  Answered(size_t waiting_bytes, const std::optional<QueueName>& appends_to, Change change,
           std::shared_ptr<Answer<T>> answer, std::shared_ptr<Outstanding> turn)
      : Write(waiting_bytes, appends_to),
        change_(std::move(change)),
        answer_(std::move(answer)),
        turn_(std::move(turn)) {}

  size_t apply(Tables& tables) override {
    answer_->value = change_(tables);
    return held_bytes(*answer_->value);
  }
  void committed() override { turn_->finish_one(); }
  void failed(const Error& error) override {
    answer_->value.reset();
    answer_->error = rpc::to_exception(error);
    turn_->finish_one();
  }

 private:
  Change change_;
  std::shared_ptr<Answer<T>> answer_;
  std::shared_ptr<Outstanding> turn_;
};

template <class Change>
auto submit(Writer& writer, size_t bytes, Change change,
            const std::optional<QueueName>& appends_to = std::nullopt) {
  using T = decltype(change(std::declval<Tables&>()));
  std::shared_ptr<Turn> turn = Turn::current(writer.queue());
  auto answer = std::make_shared<Answer<T>>();
  turn->add(std::make_unique<Answered<T, Change>>(bytes, appends_to, std::move(change), answer,
                                                  turn->outstanding()));
  return turn->when_all_answered()
      .then([answer]() -> kj::Promise<T> {
        if (answer->value) return std::move(*answer->value);
        KJ_IF_MAYBE (error, answer->error) return kj::mv(*error);
        KJ_UNREACHABLE;
      })
      .attach(std::move(turn));
}

/// The same for a change that has nothing to tell.
template <class Change>
kj::Promise<void> carry_out(Writer& writer, size_t bytes, Change change) {
  return submit(writer, bytes,
                [change = std::move(change)](Tables& tables) {
                  change(tables);
                  return Done();
                })
      .ignoreResult();
}

/// A read by one of the Readers, and the loop that waits for the answer.
template <class T, class Question>
class Asked final : public Read {
 public:
  Asked(Question question, kj::Own<kj::CrossThreadPromiseFulfiller<T>> loop)
      : question_(std::move(question)), asker_(kj::mv(loop)) {}

  void answer(Readers& readers) override {
    try {
      asker_->fulfill(question_(readers));
    } catch (const Error& error) {
      const bool is_refusal =
          error.reason() == Reason::not_found || error.reason() == Reason::unauthorized;
      asker_->reject(
          rpc::to_exception(is_refusal ? error : Error(Reason::unavailable, error.what())));
    }
  }

 private:
  const Question question_;
  kj::Own<kj::CrossThreadPromiseFulfiller<T>> asker_;
};

template <class Question>
auto ask(JobQueue<Read>& reads, Question question) {
  using T = decltype(question(std::declval<Readers&>()));
  auto paf = kj::newPromiseAndCrossThreadFulfiller<T>();
  try {
    reads.push(std::make_unique<Asked<T, Question>>(std::move(question), kj::mv(paf.fulfiller)));
  } catch (const Error& error) {
    return kj::Promise<T>(rpc::to_exception(error));
  }
  return kj::mv(paf.promise);
}

uint64_t page_entries(uint32_t limit) {
  return limit == 0 ? limits::page_entries : std::min(limit, limits::page_entries);
}

Database prepare_and_open(const std::string& path) {
  prepare_database(path);
  return open_writer(path);
}

}  // namespace

Readers::Readers(Database& database)
    : inbox(database, inbox_queue), log(database), accounts(database), key_packages(database) {}

std::chrono::sys_seconds SqliteStore::system_time() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

SqliteStore::SqliteStore(const std::string& path, const StoreLimits& store_limits,
                         Writer::OnFatal on_fatal, const Clock& clock)
    : writer_(prepare_and_open(path), store_limits, clock, std::move(on_fatal)),
      reads_(limits::queued_requests, limits::queued_bytes) {
  std::vector<Database> databases;
  while (databases.size() < reader_threads) databases.push_back(open_reader(path));
  for (Database& database : databases) {
    readers_.emplace_back([this, mine = std::move(database)]() mutable {
      Readers readers(mine);
      while (std::unique_ptr<Read> read = reads_.wait()) read->answer(readers);
    });
  }
}

SqliteStore::~SqliteStore() noexcept(false) {
  reads_.close();
  for (std::thread& reader : readers_) reader.join();
}

kj::Promise<Put> SqliteStore::put_key_package(const OwnerKey& identity, CipherSuite suite,
                                              const Fingerprint& fingerprint, Bytes package) {
  size_t bytes = package.size();
  return submit(writer_, bytes, [=, package = std::move(package)](Tables& tables) {
    return tables.key_packages.put(identity, suite, fingerprint, package, tables.clock());
  });
}

kj::Promise<void> SqliteStore::put_last_resort(const OwnerKey& identity, CipherSuite suite,
                                               Bytes package) {
  size_t bytes = package.size();
  return carry_out(writer_, bytes, [=, package = std::move(package)](Tables& tables) {
    tables.key_packages.put_last_resort(identity, suite, package, tables.clock());
  });
}

kj::Promise<std::optional<Bytes>> SqliteStore::take_key_package(const OwnerKey& identity,
                                                                CipherSuite suite) {
  return submit(writer_, 0, [=](Tables& tables) {
    return tables.key_packages.take(identity, suite, tables.clock());
  });
}

kj::Promise<std::optional<Bytes>> SqliteStore::last_resort(const OwnerKey& identity,
                                                           CipherSuite suite) {
  return submit(writer_, 0, [=](Tables& tables) {
    return tables.key_packages.last_resort(identity, suite, tables.clock());
  });
}

kj::Promise<void> SqliteStore::drop_key_packages(const OwnerKey& identity, CipherSuite suite) {
  return carry_out(writer_, 0, [=](Tables& tables) { tables.key_packages.drop(identity, suite); });
}

kj::Promise<KeyPackageStock> SqliteStore::key_package_stock(const OwnerKey& identity,
                                                            CipherSuite suite) {
  return ask(reads_, [=](Readers& readers) { return readers.key_packages.stock(identity, suite); });
}

kj::Promise<void> SqliteStore::set_delivery_token(const OwnerKey& inbox, const TokenHash& token) {
  return carry_out(writer_, 0,
                   [=](Tables& tables) { tables.accounts.set_delivery_token(inbox, token); });
}

kj::Promise<Put> SqliteStore::enqueue(const OwnerKey& inbox, const std::optional<TokenHash>& token,
                                      const std::optional<MessageId>& id, Bytes payload) {
  size_t bytes = payload.size();
  return submit(
      writer_, bytes,
      [=, payload = std::move(payload)](Tables& tables) {
        if (token) tables.accounts.require_delivery_token(inbox, *token);
        return tables.inbox.put(inbox, id ? View(*id) : View(), payload) ? Put::stored
                                                                         : Put::duplicate;
      },
      QueueName{QueueName::Kind::inbox, inbox});
}

kj::Promise<std::vector<Bytes>> SqliteStore::drain(const OwnerKey& inbox) {
  return submit(writer_, 0, [=](Tables& tables) {
    return tables.inbox.take(inbox, limits::inbox_entries, limits::drain_bytes);
  });
}

kj::Promise<Page> SqliteStore::read(const OwnerKey& inbox, uint64_t after, uint32_t limit) {
  return ask(reads_, [=, entries = page_entries(limit)](Readers& readers) {
    return readers.inbox.read(inbox, after, entries, limits::page_bytes);
  });
}

kj::Promise<uint64_t> SqliteStore::acknowledge(const OwnerKey& inbox, uint64_t through) {
  return submit(writer_, 0,
                [=](Tables& tables) { return tables.inbox.remove_through(inbox, through); });
}

kj::Promise<void> SqliteStore::count_log(const OwnerKey& maker) {
  return carry_out(writer_, 0, [=](Tables& tables) {
    tables.size.require_room();  // else the log could not be made, and would count all the same
    tables.accounts.count_log(maker);
  });
}

kj::Promise<Put> SqliteStore::create_log(const LogId& log, uint64_t epoch, const TokenHash& token) {
  return submit(writer_, 0, [=](Tables& tables) { return tables.log.create(log, epoch, token); });
}

kj::Promise<uint64_t> SqliteStore::append(LogAppend message) {
  size_t bytes = message.payload.size();
  QueueName queue{QueueName::Kind::log, message.log};
  return submit(
      writer_, bytes,
      [message = std::move(message)](Tables& tables) { return tables.log.append(message); }, queue);
}

kj::Promise<CommitOutcome> SqliteStore::commit(LogAppend message, const TokenHash& next_token) {
  size_t bytes = message.payload.size();
  QueueName queue{QueueName::Kind::log, message.log};
  return submit(
      writer_, bytes,
      [message = std::move(message), next_token](Tables& tables) {
        return tables.log.commit(message, next_token);
      },
      queue);
}

kj::Promise<Page> SqliteStore::read_log(const LogId& log, const std::optional<TokenHash>& token,
                                        uint64_t after, uint32_t limit) {
  return ask(reads_, [=, entries = page_entries(limit)](Readers& readers) {
    return readers.log.read(log, token, after, entries, limits::page_bytes);
  });
}

kj::Promise<void> SqliteStore::set_standing(const OwnerKey& identity, Standing standing) {
  return carry_out(writer_, 0,
                   [=](Tables& tables) { tables.accounts.set_standing(identity, standing); });
}

kj::Promise<void> SqliteStore::admit(const OwnerKey& identity) {
  return carry_out(writer_, 0, [=](Tables& tables) { tables.accounts.admit(identity); });
}

kj::Promise<Standing> SqliteStore::standing(const OwnerKey& identity) {
  return ask(reads_, [=](Readers& readers) { return readers.accounts.standing(identity); });
}

kj::Promise<std::vector<OwnerKey>> SqliteStore::admitted() {
  return ask(reads_, [](Readers& readers) { return readers.accounts.admitted(); });
}

kj::Promise<Put> SqliteStore::create_invitation(const Invitation& invitation) {
  return submit(writer_, 0,
                [=](Tables& tables) { return tables.accounts.create_invitation(invitation); });
}

kj::Promise<void> SqliteStore::use_invitation(const TokenHash& token, const OwnerKey& identity) {
  return carry_out(writer_, 0, [=](Tables& tables) {
    tables.accounts.use_invitation(token, identity, tables.clock());
  });
}

kj::Promise<bool> SqliteStore::revoke_invitation(const TokenHash& token) {
  return submit(writer_, 0,
                [=](Tables& tables) { return tables.accounts.revoke_invitation(token); });
}

kj::Promise<std::vector<Invitation>> SqliteStore::invitations() {
  return ask(reads_, [](Readers& readers) { return readers.accounts.invitations(); });
}

kj::Promise<void> SqliteStore::watch(const QueueName& queue) {
  return writer_.doorbells().wait(queue);
}

kj::Promise<bool> SqliteStore::expire() {
  return submit(writer_, 0, [](Tables& tables) { return tables.remove_due(); });
}

kj::Promise<uint64_t> SqliteStore::check_health() {
  return submit(writer_, 0, [](Tables& tables) {
    Rows rows = tables.count_health_check.query();
    rows.next();
    return static_cast<uint64_t>(rows.integer(0));
  });
}

}  // namespace qnpc::server
