// failing_disk_test: what the store says where its disk is full, locked or broken.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <set>

#include "server/store/faulty_disk.h"
#include "server/store/store_test_support.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::server {
namespace {

class FailingDisk : public testing::Test {
 protected:
  ~FailingDisk() noexcept override = default;

  std::unique_ptr<SqliteStore> open(Writer::OnFatal on_fatal = must_not_fail) {
    return std::make_unique<SqliteStore>(path, StoreLimits{}, std::move(on_fatal));
  }

  test::TemporaryDirectory directory;
  std::string path = directory.file("server.db");
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
};

TEST_F(FailingDisk, AFullDiskAnswersOverloadedAndRecovers) {
  FaultyDisk disk;
  auto store = open();
  store->enqueue(owner(1), std::nullopt, message_id(1), to_bytes("before")).wait(scope);
  disk.is_full();
  EXPECT_EQ(failure(store->enqueue(owner(1), std::nullopt, message_id(2), Bytes(9000)), scope),
            Reason::overloaded);
  EXPECT_EQ(failure(store->drain(owner(1)), scope), Reason::overloaded);
  EXPECT_EQ(store->read(owner(1), 0, 0).wait(scope).entries.size(), 1u);
  disk.works();
  EXPECT_EQ(store->enqueue(owner(1), std::nullopt, message_id(2), to_bytes("after")).wait(scope),
            Put::stored);
  EXPECT_EQ(store->drain(owner(1)).wait(scope).size(), 2u);
}

TEST_F(FailingDisk, OnAFullDiskLogsAreReadAndNothingOfACommitIsLeft) {
  FaultyDisk disk;
  auto store = open();
  LogAppend commit{owner(1), 0, token_hash(0), message_id(1), Bytes(9000)};
  store->create_log(owner(1), 0, token_hash(0)).wait(scope);
  disk.is_full();
  EXPECT_EQ(failure(store->commit(commit, token_hash(1)), scope), Reason::overloaded);
  EXPECT_EQ(failure(store->append(commit), scope), Reason::overloaded);
  Page page = store->read_log(owner(1), token_hash(0), 0, 0).wait(scope);
  EXPECT_EQ(page.epoch, 0u);
  EXPECT_TRUE(page.entries.empty());
  disk.works();
  EXPECT_TRUE(store->commit(commit, token_hash(1)).wait(scope).accepted);
}

// The commit is in the log file then, where a start after a crash finds it.
TEST_F(FailingDisk, WhereTheDiskIsFullAfterTheCommitWasWrittenTheAnswerIsUnknown) {
  FaultyDisk disk;
  auto store = open();
  disk.cannot_grow_the_index();
  Database somebody(path, Database::Mode::read_write);
  somebody.execute("BEGIN IMMEDIATE");  // so that all come into one batch
  // The first page of the index is for some 4,000 pages of the database.
  std::vector<kj::Promise<Put>> calls;
  for (uint32_t i = 0; i < 5; ++i) {
    calls.push_back(
        store->enqueue(owner(i), std::nullopt, message_id(i), Bytes(limits::payload_bytes)));
  }
  somebody.execute("ROLLBACK");
  std::set<Reason> reasons;
  for (auto& call : calls) reasons.insert(failure(kj::mv(call), scope));
  EXPECT_EQ(reasons, std::set{Reason::unknown});
  disk.works();
  const std::string after_a_crash = directory.file("after_a_crash.db");
  for (const char* suffix : {"", "-wal"})
    std::filesystem::copy(path + suffix, after_a_crash + suffix);
  SqliteStore crashed(after_a_crash, StoreLimits{}, must_not_fail);
  EXPECT_EQ(crashed.read(owner(1), 0, 0).wait(scope).entries.size(), 1u);
  EXPECT_TRUE(store->read(owner(1), 0, 0).wait(scope).entries.empty());
  EXPECT_EQ(store->enqueue(owner(1), std::nullopt, message_id(1), to_bytes("again")).wait(scope),
            Put::stored);
}

TEST_F(FailingDisk, WhereTheDatabaseIsLockedAllWhoWaitAreAnsweredTogether) {
  auto store = open();
  Database somebody(path, Database::Mode::read_write);
  somebody.execute("BEGIN IMMEDIATE");
  auto refused = store->check_health();
  std::vector<kj::Promise<uint64_t>> waiting;
  // Each in a turn of its own, and so not in one batch with the first.
  for (int i = 0; i < 3; ++i) {
    kj::Promise<void>(kj::NEVER_DONE).poll(scope);
    waiting.push_back(store->check_health());
  }
  EXPECT_EQ(failure(kj::mv(refused), scope), Reason::overloaded);
  somebody.execute("ROLLBACK");
  for (auto& call : waiting) EXPECT_EQ(failure(kj::mv(call), scope), Reason::overloaded);
  EXPECT_EQ(store->check_health().wait(scope), 1u);
}

TEST_F(FailingDisk, NothingIsAcknowledgedAfterAFailedSync) {
  FaultyDisk disk;
  std::atomic<int> fatal = 0;
  auto store = open([&](const Error& error) {
    EXPECT_EQ(error.reason(), Reason::io);
    ++fatal;
  });
  store->enqueue(owner(1), std::nullopt, message_id(1), to_bytes("before")).wait(scope);
  disk.fails_to_sync();
  EXPECT_EQ(failure(store->enqueue(owner(1), std::nullopt, message_id(2), to_bytes("x")), scope),
            Reason::unknown);
  disk.works();
  EXPECT_EQ(failure(store->enqueue(owner(1), std::nullopt, message_id(3), to_bytes("x")), scope),
            Reason::unavailable);
  store.reset();
  EXPECT_EQ(fatal, 1);
}

}  // namespace
}  // namespace qnpc::server
