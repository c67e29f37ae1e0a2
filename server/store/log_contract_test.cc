// log_contract_test: what Store promises of logs, doorbells and retention, asked of the SQLite
// store and of the model.
#include <gtest/gtest.h>

#include "server/store/store_test_support.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::server {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class LogContract : public testing::TestWithParam<MakeStore> {
 protected:
  ~LogContract() noexcept override = default;

  static LogAppend message(uint64_t epoch, uint32_t id, std::string_view payload) {
    return {log, epoch, token_hash(epoch), message_id(id), to_bytes(payload)};
  }
  void create() { store->create_log(log, 0, token_hash(0)).wait(scope); }
  uint64_t append(uint64_t epoch, uint32_t id, std::string_view payload) {
    return store->append(message(epoch, id, payload)).wait(scope);
  }
  CommitOutcome commit(uint64_t epoch, uint32_t id, std::string_view payload) {
    return store->commit(message(epoch, id, payload), token_hash(epoch + 1)).wait(scope);
  }
  Page read(uint64_t token_epoch, uint64_t after = 0, uint32_t limit = 0) {
    return store->read_log(log, token_hash(token_epoch), after, limit).wait(scope);
  }
  /// All payloads that are there, commits in brackets.
  std::string content() {
    std::string all;
    for (const Entry& entry : store->read_log(log, std::nullopt, 0, 0).wait(scope).entries) {
      std::string payload = to_text(entry.payload);
      all += entry.is_commit ? "[" + payload + "]" : payload;
    }
    return all;
  }
  std::string inbox_content() {
    std::string all;
    for (const Entry& e : store->read(owner(1), 0, 0).wait(scope).entries) {
      all += to_text(e.payload);
    }
    return all;
  }
  template <class T>
  Reason reason_of(kj::Promise<T> promise) {
    return failure(kj::mv(promise), scope);
  }
  void pass(seconds time) { clock.now = clock.now.load() + time; }
  /// As a server that runs all the time does.
  void expire_hourly_for(hours time) {
    for (hours hour(0); hour < time; ++hour) {
      pass(hours(1));
      store->expire().wait(scope);
    }
  }

  static constexpr LogId log{7};
  test::TemporaryDirectory directory;
  TestClock clock;
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  std::unique_ptr<Store> store = GetParam()(directory.file("server.db"), clock);
};

TEST_P(LogContract, IsMadeOnceAndAgainWithTheSameValues) {
  EXPECT_EQ(store->create_log(log, 3, token_hash(3)).wait(scope), Put::stored);
  EXPECT_EQ(store->create_log(log, 3, token_hash(3)).wait(scope), Put::duplicate);
  EXPECT_EQ(reason_of(store->create_log(log, 4, token_hash(3))), Reason::conflict);
  EXPECT_EQ(reason_of(store->create_log(log, 3, token_hash(4))), Reason::conflict);
  commit(3, 1, "c");
  EXPECT_EQ(store->create_log(log, 3, token_hash(3)).wait(scope), Put::duplicate);
  EXPECT_EQ(reason_of(store->create_log(log, 4, token_hash(4))), Reason::conflict);
}

// Of the epoch before it there is no token to show.
TEST_P(LogContract, ALogTakesNothingOfBeforeItsFirstEpoch) {
  store->create_log(log, 3, token_hash(3)).wait(scope);
  EXPECT_EQ(reason_of(store->append(message(2, 1, "x"))), Reason::conflict);
  EXPECT_EQ(content(), "");
}

TEST_P(LogContract, AnUnknownLogIsNotFound) {
  EXPECT_EQ(reason_of(store->append(message(0, 1, "x"))), Reason::not_found);
  EXPECT_EQ(reason_of(store->commit(message(0, 1, "x"), token_hash(1))), Reason::not_found);
  EXPECT_EQ(reason_of(store->read_log(log, std::nullopt, 0, 0)), Reason::not_found);
}

TEST_P(LogContract, KeepsMessagesAndCommitsInOneOrder) {
  create();
  append(0, 1, "a");
  commit(0, 2, "b");
  append(1, 3, "c");
  EXPECT_EQ(content(), "a[b]c");
  Page page = read(0);
  EXPECT_EQ(page.epoch, 1u);
  EXPECT_FALSE(page.more);
  ASSERT_EQ(page.entries.size(), 3u);
  EXPECT_LT(page.entries[0].sequence, page.entries[1].sequence);
  EXPECT_LT(page.entries[1].sequence, page.entries[2].sequence);
  EXPECT_EQ(page.entries[1].epoch, 0u);
  EXPECT_EQ(page.entries[2].epoch, 1u);
  Page first = read(0, 0, 2);
  EXPECT_TRUE(first.more);
  EXPECT_EQ(read(0, first.entries[1].sequence).entries.size(), 1u);
  EXPECT_TRUE(read(0, UINT64_MAX).entries.empty());
}

TEST_P(LogContract, OneCommitEndsAnEpochAndTheLoserLearnsWhich) {
  create();
  CommitOutcome winner = commit(0, 1, "first");
  EXPECT_TRUE(winner.accepted);
  EXPECT_EQ(winner.epoch, 1u);
  CommitOutcome loser = commit(0, 2, "second");
  EXPECT_FALSE(loser.accepted);
  EXPECT_EQ(loser.epoch, 1u);
  ASSERT_TRUE(loser.winner.has_value());
  EXPECT_EQ(loser.winner->sequence, winner.sequence);
  EXPECT_EQ(to_text(loser.winner->payload), "first");
  EXPECT_EQ(content(), "[first]");
}

TEST_P(LogContract, ALargeWinnerIsLeftOutOfTheAnswer) {
  create();
  commit(0, 1, std::string(small_limits().log.winner_bytes, 'x'));
  EXPECT_EQ(commit(0, 2, "late").winner.value().payload.size(), small_limits().log.winner_bytes);
  const CommitOutcome winner = commit(1, 3, std::string(small_limits().log.winner_bytes + 1, 'x'));
  CommitOutcome loser = commit(1, 4, "late too");
  EXPECT_FALSE(loser.accepted);
  EXPECT_EQ(loser.epoch, 2u);
  EXPECT_EQ(loser.winner.value().sequence, winner.sequence);
  EXPECT_TRUE(loser.winner->payload.empty());
}

TEST_P(LogContract, OfRacingCommitsOneIsAccepted) {
  create();
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<kj::Promise<CommitOutcome>> racers;
    for (uint32_t i = 0; i < 16; ++i) {
      auto id = static_cast<uint32_t>(100 * epoch) + i;
      racers.push_back(store->commit(message(epoch, id, "c"), token_hash(epoch + 1)));
    }
    std::set<uint64_t> winners;
    size_t accepted = 0;
    for (auto& racer : racers) {
      CommitOutcome outcome = racer.wait(scope);
      accepted += outcome.accepted;
      winners.insert(outcome.accepted ? outcome.sequence : outcome.winner.value().sequence);
    }
    EXPECT_EQ(accepted, 1u);
    EXPECT_EQ(winners.size(), 1u);
  }
  EXPECT_EQ(content(), "[c][c][c]");
}

TEST_P(LogContract, ARepeatedCallGetsItsFirstAnswer) {
  create();
  uint64_t a = append(0, 1, "a");
  EXPECT_EQ(append(0, 1, "a"), a);
  CommitOutcome c = commit(0, 2, "c");
  EXPECT_EQ(append(0, 1, "a"), a);  // also in the next epoch
  commit(1, 3, "d");
  commit(2, 4, "e");
  CommitOutcome again = commit(0, 2, "c");
  EXPECT_TRUE(again.accepted);
  EXPECT_EQ(again.sequence, c.sequence);
  pass(hours(1));
  EXPECT_EQ(append(0, 1, "a"), a);
  EXPECT_EQ(content(), "a[c][d][e]");
}

TEST_P(LogContract, AMessageIdStandsForOneMessage) {
  create();
  append(0, 1, "a");
  EXPECT_EQ(reason_of(store->commit(message(0, 1, "a"), token_hash(1))), Reason::conflict);
  commit(0, 2, "c");
  EXPECT_EQ(reason_of(store->append(message(0, 2, "c"))), Reason::conflict);
  EXPECT_EQ(reason_of(store->append(message(1, 1, "a"))), Reason::conflict);
  EXPECT_EQ(content(), "a[c]");
}

TEST_P(LogContract, AWrongTokenIsUnauthorizedAndChangesNothing) {
  create();
  LogAppend wrong = message(0, 1, "x");
  wrong.token = token_hash(5);
  EXPECT_EQ(reason_of(store->append(wrong)), Reason::unauthorized);
  EXPECT_EQ(reason_of(store->commit(wrong, token_hash(1))), Reason::unauthorized);
  EXPECT_EQ(reason_of(store->read_log(log, token_hash(5), 0, 0)), Reason::unauthorized);
  EXPECT_EQ(content(), "");
  EXPECT_EQ(read(0).epoch, 0u);
}

TEST_P(LogContract, ARemovedMemberCanNeitherWriteNorCommit) {
  create();
  commit(0, 1, "remove");
  LogAppend removed = message(1, 2, "x");
  removed.token = token_hash(0);
  EXPECT_EQ(reason_of(store->append(removed)), Reason::unauthorized);
  EXPECT_EQ(reason_of(store->commit(removed, token_hash(9))), Reason::unauthorized);
  EXPECT_FALSE(commit(0, 3, "x").accepted);
  pass(seconds(61));
  EXPECT_EQ(reason_of(store->append(message(0, 4, "x"))), Reason::conflict);
  EXPECT_EQ(content(), "[remove]");
}

TEST_P(LogContract, AcceptsMessagesOfTheLastEpochForAWhile) {
  create();
  commit(0, 1, "c");
  pass(seconds(60));
  append(0, 2, "late");
  pass(seconds(1));
  EXPECT_EQ(reason_of(store->append(message(0, 3, "x"))), Reason::conflict);
  commit(1, 4, "d");
  append(1, 5, "late");
  EXPECT_EQ(reason_of(store->append(message(0, 6, "x"))), Reason::conflict);
  EXPECT_EQ(content(), "[c]late[d]late");
}

TEST_P(LogContract, AClockThatJumpsBackDoesNotLetTheLastEpochIn) {
  create();
  commit(0, 1, "c");
  pass(-hours(24));
  EXPECT_EQ(reason_of(store->append(message(0, 2, "x"))), Reason::conflict);
  append(1, 3, "of this epoch");
}

TEST_P(LogContract, AnEpochAheadIsAConflict) {
  create();
  EXPECT_EQ(reason_of(store->append(message(1, 1, "x"))), Reason::conflict);
  EXPECT_EQ(reason_of(store->commit(message(1, 1, "x"), token_hash(2))), Reason::conflict);
}

TEST_P(LogContract, RemembersTheTokensOfTheNewestEpochs) {
  create();
  for (uint64_t epoch = 0; epoch < 6; ++epoch) commit(epoch, static_cast<uint32_t>(epoch), "c");
  ASSERT_EQ(small_limits().log.epochs, 5u);  // 2 to 6
  EXPECT_EQ(read(2).entries.size(), 6u);
  EXPECT_EQ(read(6).epoch, 6u);
  EXPECT_EQ(reason_of(store->read_log(log, token_hash(1), 0, 0)), Reason::unauthorized);
  EXPECT_EQ(reason_of(store->read_log(log, token_hash(7), 0, 0)), Reason::unauthorized);
  CommitOutcome too_late = commit(1, 99, "x");
  EXPECT_FALSE(too_late.accepted);
  EXPECT_FALSE(too_late.winner.has_value());
}

TEST_P(LogContract, QuotaByCountAndBytesRefusesEverybodyAndChangesNothing) {
  create();
  for (uint32_t i = 0; i < small_limits().log.entries; ++i) append(0, i, "x");
  EXPECT_EQ(reason_of(store->append(message(0, 99, "x"))), Reason::quota);
  // Whoever has filled it can be removed.
  EXPECT_TRUE(commit(0, 100, "removes them").accepted);
  EXPECT_EQ(reason_of(store->commit(message(1, 101, "x"), token_hash(2))), Reason::quota);
  EXPECT_EQ(read(0).epoch, 1u);
  EXPECT_EQ(append(0, 3, "x"), read(0).entries[3].sequence);  // a repetition is no new one
  LogId other{8};
  store->create_log(other, 0, token_hash(0)).wait(scope);
  LogAppend large{other, 0, token_hash(0), message_id(1), Bytes(small_limits().log.bytes + 1)};
  EXPECT_EQ(reason_of(store->append(large)), Reason::quota);
  large.payload.pop_back();
  EXPECT_EQ(reason_of(store->append(large)), Reason::internal);  // it did not fail
  LogAppend change{other, 0, token_hash(0), message_id(2),
                   Bytes(small_limits().log.bytes / 16 + 1)};
  EXPECT_EQ(reason_of(store->commit(change, token_hash(1))), Reason::quota);
  change.payload.pop_back();
  EXPECT_TRUE(store->commit(change, token_hash(1)).wait(scope).accepted);
}

TEST_P(LogContract, ADoorbellRingsForItsQueueAlone) {
  create();
  auto log_bell = store->watch({QueueName::Kind::log, log});
  auto second_bell = store->watch({QueueName::Kind::log, log});
  auto inbox_bell = store->watch({QueueName::Kind::inbox, owner(1)});
  auto other_bell = store->watch({QueueName::Kind::inbox, log});
  { auto dropped = store->watch({QueueName::Kind::log, log}); }
  append(0, 1, "x");
  log_bell.wait(scope);
  second_bell.wait(scope);
  store->enqueue(owner(1), std::nullopt, std::nullopt, to_bytes("y")).wait(scope);
  inbox_bell.wait(scope);
  EXPECT_FALSE(other_bell.poll(scope));
  auto again = store->watch({QueueName::Kind::log, log});
  commit(0, 2, "c");
  again.wait(scope);
}

TEST_P(LogContract, EntriesExpireInOrderAndTheReaderLearnsOfTheGap) {
  create();
  store->expire().wait(scope);
  uint64_t a = append(0, 1, "a");
  store->enqueue(owner(1), std::nullopt, std::nullopt, to_bytes("x")).wait(scope);
  expire_hourly_for(hours(24));
  append(0, 2, "b");
  store->enqueue(owner(1), std::nullopt, std::nullopt, to_bytes("y")).wait(scope);
  expire_hourly_for(hours(24));
  EXPECT_EQ(content(), "ab");
  EXPECT_EQ(inbox_content(), "xy");
  expire_hourly_for(hours(2));
  EXPECT_EQ(inbox_content(), "y");
  expire_hourly_for(hours(23));
  EXPECT_EQ(content(), "b");
  EXPECT_EQ(read(0).expired_through, a);
  EXPECT_NE(store->read(owner(1), 0, 0).wait(scope).expired_through, 0u);
  expire_hourly_for(hours(72));
  EXPECT_EQ(content() + inbox_content(), "");
  append(0, 3, "c");  // the log itself stays
  EXPECT_EQ(content(), "c");
}

TEST_P(LogContract, ExpiryMakesRoom) {
  create();
  for (uint32_t i = 0; i < small_limits().log.entries; ++i) append(0, i, "x");
  EXPECT_EQ(reason_of(store->append(message(0, 99, "y"))), Reason::quota);
  expire_hourly_for(hours(74));
  append(0, 99, "y");
  EXPECT_EQ(content(), "y");
}

TEST_P(LogContract, AWinnerThatExpiredIsNotNamed) {
  create();
  commit(0, 1, "c");
  expire_hourly_for(hours(74));
  CommitOutcome late = commit(0, 2, "x");
  EXPECT_FALSE(late.accepted);
  EXPECT_EQ(late.epoch, 1u);
  EXPECT_FALSE(late.winner.has_value());
}

// What came while the clock was wrong neither goes before older entries nor stays for ever.
TEST_P(LogContract, AClockThatJumpsForwardAndBackKeepsTheOrder) {
  create();
  append(0, 1, "a");
  expire_hourly_for(hours(1));
  pass(hours(24 * 3650));
  append(0, 2, "b");
  pass(-hours(24 * 3650));
  append(0, 3, "c");
  expire_hourly_for(hours(70));
  EXPECT_EQ(content(), "abc");
  expire_hourly_for(hours(4));
  EXPECT_EQ(content(), "");
}

TEST_P(LogContract, AMarkOfTheFutureBecomesOneOfNow) {
  create();
  append(0, 1, "a");
  pass(hours(24));
  store->expire().wait(scope);
  pass(-hours(24));
  expire_hourly_for(hours(71));
  EXPECT_EQ(content(), "a");
  expire_hourly_for(hours(2));
  EXPECT_EQ(content(), "");
}

TEST_P(LogContract, AClockThatJumpsBackRemovesNothingEarly) {
  create();
  append(0, 1, "a");
  expire_hourly_for(hours(48));
  pass(-hours(24));
  append(0, 2, "b");
  expire_hourly_for(hours(24));
  EXPECT_EQ(content(), "ab");
  expire_hourly_for(hours(72));
  EXPECT_EQ(content(), "");
}

TEST_P(LogContract, ATokenPostedAgainCutsNobodyOff) {
  create();
  append(0, 1, "m0");
  commit(0, 2, "c0");
  store->commit(message(1, 3, "c1"), token_hash(0)).wait(scope);
  EXPECT_EQ(read(0).entries.size(), 3u);
}

TEST_P(LogContract, AReaderBeginsWhereItsTokensEpochDoes) {
  create();
  append(0, 1, "before");
  commit(0, 2, "c0");
  append(1, 3, "m1");
  commit(1, 4, "c1");
  append(2, 5, "m2");
  EXPECT_EQ(read(0).entries.size(), 5u);
  EXPECT_EQ(read(1).entries.size(), 3u);
  Page page = read(2);
  ASSERT_EQ(page.entries.size(), 1u);
  EXPECT_EQ(to_text(page.entries[0].payload), "m2");
  EXPECT_TRUE(read(2, page.entries[0].sequence).entries.empty());
}

INSTANTIATE_TEST_SUITE_P(Stores, LogContract, both_stores(), store_name);

}  // namespace
}  // namespace qnpc::server
