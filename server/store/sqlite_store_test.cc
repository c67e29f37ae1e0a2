// sqlite_store_test: what the interface does not show: the file and its damage.
#include "server/store/sqlite_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "server/store/database_file.h"
#include "server/store/store_test_support.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::server {
namespace {

using test::TemporaryDirectory;

class SqliteStoreTest : public testing::Test {
 protected:
  ~SqliteStoreTest() noexcept override = default;

  std::unique_ptr<SqliteStore> open(Writer::OnFatal on_fatal = must_not_fail) {
    return std::make_unique<SqliteStore>(path, StoreLimits{}, std::move(on_fatal));
  }
  std::string refusal() {
    try {
      prepare_database(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::corrupt);
      return error.what();
    }
    return "";
  }
  Bytes content() {
    std::ifstream file(path, std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(file), {});
  }
  void replace_content(const Bytes& bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  }

  TemporaryDirectory directory;
  std::string path = directory.file("server.db");
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
};

TEST_F(SqliteStoreTest, IsReadableByItsOwnerOnly) {
  open();
  auto permissions = std::filesystem::status(path).permissions();
  EXPECT_EQ(permissions, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SqliteStoreTest, RefusesWhatIsNoDatabaseAndLeavesItAlone) {
  Bytes text = to_bytes("These are somebody's notes, and not a database at all.");
  for (const Bytes& bytes : {Bytes(), text, Bytes(8192, 0xff)}) {
    replace_content(bytes);
    EXPECT_NE(refusal(), "");
    EXPECT_EQ(content(), bytes);
  }
}

TEST_F(SqliteStoreTest, RefusesAForeignDatabaseAndLeavesItAlone) {
  Database(path, Database::Mode::create).execute("CREATE TABLE notes(text)");
  Bytes before = content();
  EXPECT_NE(refusal().find("another program"), std::string::npos);
  EXPECT_EQ(content(), before);
}

TEST_F(SqliteStoreTest, RefusesANewerVersion) {
  open();
  Database(path, Database::Mode::read_write).execute("PRAGMA user_version = 99");
  EXPECT_NE(refusal().find("version 99"), std::string::npos);
}

/// The tables of version 1, with one payload in an inbox.
constexpr const char* version_1 = R"(
  PRAGMA journal_mode = WAL;
  CREATE TABLE key_package_owner(
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,
    entries INTEGER NOT NULL, bytes INTEGER NOT NULL, ids INTEGER NOT NULL) STRICT;
  CREATE TABLE key_package_entry(
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
  CREATE INDEX key_package_entry_by_owner ON key_package_entry(owner);
  CREATE TABLE key_package_remembered(
    owner INTEGER NOT NULL, generation INTEGER NOT NULL, id BLOB NOT NULL,
    PRIMARY KEY(owner, generation, id)) STRICT, WITHOUT ROWID;
  CREATE TABLE inbox_owner(
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,
    entries INTEGER NOT NULL, bytes INTEGER NOT NULL, ids INTEGER NOT NULL) STRICT;
  CREATE TABLE inbox_entry(
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
  CREATE INDEX inbox_entry_by_owner ON inbox_entry(owner);
  CREATE TABLE inbox_remembered(
    owner INTEGER NOT NULL, generation INTEGER NOT NULL, id BLOB NOT NULL,
    PRIMARY KEY(owner, generation, id)) STRICT, WITHOUT ROWID;
  CREATE TABLE health(checks INTEGER NOT NULL) STRICT;
  INSERT INTO health VALUES(0);
  INSERT INTO inbox_owner VALUES(1, unhex_of_owner_1, 1, 3, 0);
  INSERT INTO inbox_entry(owner, blob) VALUES(1, x'6f6c64');
  PRAGMA application_id = 0x716e7063;
  PRAGMA user_version = 1;)";

TEST_F(SqliteStoreTest, UpgradesVersion1AndKeepsWhatIsInIt) {
  std::string sql = version_1;
  std::string key = "x'" + to_hex(owner(1)) + "'";
  sql.replace(sql.find("unhex_of_owner_1"), sizeof("unhex_of_owner_1") - 1, key);
  Database(path, Database::Mode::create).execute(sql);
  for (int start = 0; start < 2; ++start) {
    auto store = open();
    ASSERT_EQ(store->read(owner(1), 0, 0).wait(scope).entries.size(), 1u);
    store->expire().wait(scope);
    store->create_log(owner(2), 0, token_hash(0)).wait(scope);
    store->append({owner(2), 0, token_hash(0), message_id(1), to_bytes("x")}).wait(scope);
    store->set_standing(owner(1), Standing::admitted).wait(scope);
  }
  auto store = open();
  EXPECT_EQ(to_text(store->drain(owner(1)).wait(scope).at(0)), "old");
  EXPECT_EQ(store->read_log(owner(2), std::nullopt, 0, 0).wait(scope).entries.size(), 1u);
}

// Version 2 is without accounts and invitations.
TEST_F(SqliteStoreTest, UpgradesVersion2AndKeepsWhatIsInIt) {
  open()->create_log(owner(2), 0, token_hash(0)).wait(scope);
  Database(path, Database::Mode::read_write)
      .execute(
          "DROP TABLE account; DROP TABLE invitation; DROP TABLE invitation_use;"
          "DROP TABLE key_package_kind;"
          "PRAGMA user_version = 2;");
  for (int start = 0; start < 2; ++start) {
    auto store = open();
    EXPECT_EQ(store->create_log(owner(2), 0, token_hash(0)).wait(scope), Put::duplicate);
    store->set_delivery_token(owner(1), token_hash(1)).wait(scope);
  }
}

// Version 3 is version 4 without those who were removed, and without a count of uses.
TEST_F(SqliteStoreTest, UpgradesVersion3AndKeepsWhatIsInIt) {
  {
    auto store = open();
    store->set_standing(owner(1), Standing::admitted).wait(scope);
    auto expires = std::chrono::sys_days(std::chrono::days(30'000));
    store->create_invitation({token_hash(1), 2, 0, expires}).wait(scope);
    store->use_invitation(token_hash(1), owner(1)).wait(scope);
  }
  Database(path, Database::Mode::read_write)
      .execute(
          "DROP TABLE key_package_kind; ALTER TABLE account ADD COLUMN last_resort BLOB;"
          "ALTER TABLE account DROP COLUMN logs; ALTER TABLE account RENAME COLUMN standing TO "
          "admitted;"
          "ALTER TABLE invitation DROP COLUMN used; PRAGMA user_version = 3;");
  for (int start = 0; start < 2; ++start) {
    auto store = open();
    EXPECT_EQ(store->standing(owner(1)).wait(scope), Standing::admitted);
    EXPECT_EQ(store->invitations().wait(scope).at(0).used, 1u);
  }
}

// In version 4 all KeyPackages were of one suite and of no age, and the last resort was the
// account's.
TEST_F(SqliteStoreTest, UpgradesVersion4AndKeepsItsKeyPackages) {
  {
    auto store = open();
    store->put_key_package(owner(1), 1, fingerprint(1), to_bytes("one")).wait(scope);
    store->put_key_package(owner(1), 1, fingerprint(2), to_bytes("two")).wait(scope);
    store->set_delivery_token(owner(1), token_hash(1)).wait(scope);
    store->set_delivery_token(owner(2), token_hash(2)).wait(scope);
  }
  Database(path, Database::Mode::read_write)
      .execute(
          "DROP TABLE key_package_kind; ALTER TABLE account ADD COLUMN last_resort BLOB;"
          "ALTER TABLE account DROP COLUMN logs; UPDATE account SET last_resort = x'6c617374'; "
          "PRAGMA user_version = 4;");
  auto store = open();
  auto take = [&](uint8_t identity) {
    return to_text(store->take_key_package(owner(identity), 1).wait(scope).value());
  };
  EXPECT_EQ(store->key_package_stock(owner(1), 1).wait(scope).count, 2u);
  for (const char* expected : {"one", "two", "last", "last"}) EXPECT_EQ(take(1), expected);
  EXPECT_EQ(take(2), "last");
  EXPECT_EQ(Database(path, Database::Mode::read_only)
                .integer("SELECT sum(entries) * 100 + sum(bytes) FROM key_package_owner"),
            208);
}

// Version 5 did not count the logs of an identity.
TEST_F(SqliteStoreTest, UpgradesVersion5AndKeepsWhatIsInIt) {
  {
    auto store = open();
    store->put_key_package(owner(1), 7, fingerprint(1), to_bytes("one")).wait(scope);
    store->set_standing(owner(1), Standing::removed).wait(scope);
  }
  Database(path, Database::Mode::read_write)
      .execute("ALTER TABLE account DROP COLUMN logs; PRAGMA user_version = 5;");
  for (int start = 0; start < 2; ++start) {
    auto store = open();
    EXPECT_EQ(store->standing(owner(1)).wait(scope), Standing::removed);
    EXPECT_EQ(store->key_package_stock(owner(1), 7).wait(scope).count, 1u);
    store->count_log(owner(1)).wait(scope);
  }
}

TEST_F(SqliteStoreTest, CountsWhatItRefusesByTheNameOfTheLimit) {
  SqliteStore store(path, small_limits(), must_not_fail);
  const auto& hits = store.metrics().limits_hit;
  auto enqueue = [&](uint32_t id, size_t size) {
    return failure(store.enqueue(owner(1), std::nullopt, message_id(id), Bytes(size)), scope);
  };
  for (uint32_t i = 0; i < small_limits().inbox.entries; ++i) enqueue(i, 1);
  EXPECT_EQ(enqueue(100, 1), Reason::quota);
  EXPECT_EQ(hits[Limit::inbox_entries].value(), 1u);
  store.drain(owner(1)).wait(scope);
  EXPECT_EQ(enqueue(101, small_limits().inbox.bytes + 1), Reason::quota);
  EXPECT_EQ(hits[Limit::inbox_mib].value(), 1u);

  store.create_log(owner(2), 0, token_hash(0)).wait(scope);
  auto append = [&](uint32_t id, size_t size) {
    LogAppend message{owner(2), 0, token_hash(0), message_id(id), Bytes(size)};
    return failure(store.append(std::move(message)), scope);
  };
  EXPECT_EQ(append(100, small_limits().log.bytes + 1), Reason::quota);
  EXPECT_EQ(hits[Limit::group_log_mib].value(), 1u);
  for (uint32_t i = 0; i < small_limits().log.entries; ++i) append(i, 1);
  EXPECT_EQ(append(101, 1), Reason::quota);
  EXPECT_EQ(hits[Limit::group_log_entries].value(), 1u);

  for (uint32_t i = 0; i <= small_limits().key_packages.entries; ++i) {
    failure(store.put_key_package(owner(3), 1, fingerprint(i), Bytes(1)), scope);
  }
  EXPECT_EQ(hits[Limit::key_packages].value(), 1u);
  for (uint32_t i = 0; i <= small_limits().logs_per_identity; ++i) {
    failure(store.count_log(owner(3)).then([] { return 0; }), scope);
  }
  EXPECT_EQ(hits[Limit::logs_per_identity].value(), 1u);
}

TEST_F(SqliteStoreTest, RefusesDamageAnywhereAndLeavesItAlone) {
  {
    auto store = open();
    for (uint32_t i = 0; i < 300; ++i) {
      store->enqueue(owner(static_cast<uint8_t>(i)), std::nullopt, message_id(i), Bytes(100))
          .wait(scope);
    }
  }
  Bytes whole = content();
  Bytes damaged = whole;
  for (size_t i = 4096; i < damaged.size(); i += 512) damaged[i] ^= 0xa5;
  Bytes shortened(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(whole.size() / 2));
  for (const Bytes& bytes : {damaged, shortened}) {
    replace_content(bytes);
    EXPECT_NE(refusal().find("Nothing was changed"), std::string::npos);
    EXPECT_EQ(content(), bytes);
  }
}

TEST_F(SqliteStoreTest, AnUnfinishedCreationIsBegunAgain) {
  std::ofstream(path + ".new") << "half a database";
  auto store = open();
  EXPECT_EQ(store->check_health().wait(scope), 1u);
}

TEST_F(SqliteStoreTest, ExpiryGoesInBatchesBetweenWhichOthersAreServed) {
  TestClock clock;
  auto store = std::make_unique<SqliteStore>(path, StoreLimits{}, must_not_fail, clock);
  std::vector<kj::Promise<Put>> calls;
  const size_t entries = 2 * limits::expire_entries + 1;
  for (size_t i = 0; i < entries; ++i) {
    calls.push_back(store->enqueue(owner(1), std::nullopt, std::nullopt, to_bytes("x")));
  }
  for (auto& call : calls) call.wait(scope);
  EXPECT_FALSE(store->expire().wait(scope));
  clock.now = clock.now.load() + limits::retention;
  EXPECT_TRUE(store->expire().wait(scope));
  Page page = store->read(owner(1), 0, 1).wait(scope);
  EXPECT_EQ(page.entries.at(0).sequence, page.expired_through + 1);
  EXPECT_EQ(page.expired_through, limits::expire_entries);
  EXPECT_TRUE(store->expire().wait(scope));
  EXPECT_FALSE(store->expire().wait(scope));
  EXPECT_TRUE(store->read(owner(1), 0, 1).wait(scope).entries.empty());
}

// Fewer than a batch, as many bytes as one.
TEST_F(SqliteStoreTest, ABatchOfExpiryIsBoundedInBytes) {
  TestClock clock;
  auto store = std::make_unique<SqliteStore>(path, StoreLimits{}, must_not_fail, clock);
  const size_t fit = limits::expire_bytes / limits::payload_bytes;
  for (size_t i = 0; i < fit + 1; ++i) {
    store->enqueue(owner(1), std::nullopt, std::nullopt, Bytes(limits::payload_bytes)).wait(scope);
  }
  store->expire().wait(scope);
  clock.now = clock.now.load() + limits::retention;
  EXPECT_TRUE(store->expire().wait(scope));
  EXPECT_EQ(store->read(owner(1), 0, 0).wait(scope).entries.size(), 1u);
}

// Two loops in two threads; each has its own bell, and is woken for its own queues.
TEST_F(SqliteStoreTest, DoorbellsRingInOtherLoops) {
  auto store = open();
  std::atomic<int> ready = 0;
  std::vector<std::thread> threads;
  for (uint8_t number : {1, 2}) {
    threads.emplace_back([&, number] {
      kj::EventLoop own_loop;
      kj::WaitScope own_scope(own_loop);
      for (uint64_t after = 0; after < 100;) {
        auto bell = store->watch({QueueName::Kind::inbox, owner(number)});
        if (after == 0) ++ready;
        for (const Entry& entry : store->read(owner(number), after, 0).wait(own_scope).entries) {
          after = entry.sequence;
        }
        if (after < 100) bell.wait(own_scope);
      }
    });
  }
  while (ready < 2) std::this_thread::yield();
  for (int i = 0; i < 50; ++i) {
    store->enqueue(owner(1), std::nullopt, std::nullopt, to_bytes("x")).wait(scope);
    store->enqueue(owner(2), std::nullopt, std::nullopt, to_bytes("x")).wait(scope);
  }
  store->enqueue(owner(1), std::nullopt, std::nullopt, to_bytes("the hundred and first"))
      .wait(scope);
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SqliteStoreTest, ADrainIsBoundedAndTheRestFollows) {
  auto store = open();
  size_t payloads = limits::drain_bytes / limits::payload_bytes + 1;
  for (size_t i = 0; i < payloads; ++i) {
    store->enqueue(owner(1), std::nullopt, std::nullopt, Bytes(limits::payload_bytes)).wait(scope);
  }
  EXPECT_EQ(store->drain(owner(1)).wait(scope).size(), payloads - 1);
  EXPECT_EQ(store->drain(owner(1)).wait(scope).size(), 1u);
}

TEST_F(SqliteStoreTest, TheQueueToTheWriterIsBounded) {
  auto store = open();
  Database somebody(path, Database::Mode::read_write);
  somebody.execute("BEGIN IMMEDIATE");  // else the writer may be as fast as we are
  std::vector<kj::Promise<Put>> calls;
  for (size_t i = 0; i < 3 * limits::queued_bytes / limits::payload_bytes; ++i) {
    calls.push_back(
        store->enqueue(owner(1), std::nullopt, std::nullopt, Bytes(limits::payload_bytes)));
  }
  somebody.execute("ROLLBACK");
  size_t overloaded = 0;
  for (auto& call : calls) overloaded += failure(kj::mv(call), scope) == Reason::overloaded;
  EXPECT_GT(overloaded, 0u);
  EXPECT_EQ(store->enqueue(owner(2), std::nullopt, std::nullopt, Bytes(1)).wait(scope),
            Put::stored);
}

// Whoever is refused because of another call finds at once what that one has written, also from
// another event loop.
TEST_F(SqliteStoreTest, ARefusalComesAfterWhatCausedIt) {
  auto store = open();
  LogId log{};
  store->create_log(log, 0, token_hash(0)).wait(scope);
  auto append = [&](uint64_t epoch, uint32_t id) {
    return LogAppend{log, epoch, token_hash(epoch), message_id(id), Bytes(1000)};
  };
  std::atomic<uint64_t> written = 0;  // epochs that the other loop may have seen ended
  std::thread other([&] {
    kj::EventLoop its_loop;
    kj::WaitScope wait(its_loop);
    uint32_t id = 1'000'000;
    for (uint64_t epoch = 0; epoch < 200;) {
      Reason reason = failure(store->append(append(epoch, ++id)), wait);
      if (reason != Reason::conflict) continue;
      Page page = store->read_log(log, std::nullopt, UINT64_MAX, 1).wait(wait);
      ASSERT_GE(page.epoch, epoch + 2);
      epoch = page.epoch;
      written = epoch;
    }
  });
  for (uint32_t epoch = 0; written < 200; ++epoch) {
    store->commit(append(epoch, epoch), token_hash(epoch + 1)).wait(scope);
  }
  other.join();
}

TEST_F(SqliteStoreTest, AFullDatabaseTakesNothingMoreUntilThereIsRoom) {
  StoreLimits store_limits;
  store_limits.database_bytes = uint64_t{1} << 20;
  SqliteStore store(path, store_limits, must_not_fail);
  const Bytes payload(50'000);
  store.create_log(owner(2), 0, token_hash(0)).wait(scope);
  uint32_t stored = 0;
  auto enqueue = [&](uint32_t id) {
    return failure(store.enqueue(owner(1), std::nullopt, message_id(id), payload), scope);
  };
  while (enqueue(stored) == Reason::internal && stored < 100) ++stored;
  EXPECT_GT(stored, 10u);
  EXPECT_LT(stored, 25u);
  EXPECT_EQ(enqueue(stored), Reason::quota);
  LogAppend message{.log = owner(2), .token = token_hash(0), .id = message_id(1)};
  EXPECT_EQ(failure(store.append(message), scope), Reason::quota);
  EXPECT_EQ(failure(store.commit(message, token_hash(1)), scope), Reason::quota);
  EXPECT_EQ(failure(store.create_log(owner(3), 0, token_hash(0)), scope), Reason::quota);
  EXPECT_EQ(failure(store.put_key_package(owner(1), 1, fingerprint(1), to_bytes("x")), scope),
            Reason::quota);
  EXPECT_EQ(enqueue(0), Reason::internal);  // what is there is not refused when it is repeated
  store.check_health().wait(scope);
  EXPECT_EQ(store.metrics().limits_hit[Limit::database_mib].value(), 6u);
  EXPECT_GE(store.metrics().database_bytes.value(), store_limits.database_bytes);

  Page page = store.read(owner(1), 0, 1).wait(scope);
  store.acknowledge(owner(1), page.entries.front().sequence + 2).wait(scope);
  EXPECT_EQ(enqueue(stored), Reason::internal);
  EXPECT_EQ(failure(store.append(message), scope), Reason::internal);
}

}  // namespace
}  // namespace qnpc::server
