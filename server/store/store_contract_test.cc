// store_contract_test: what Store promises of inboxes, asked of the SQLite store and of the model.
#include <gtest/gtest.h>

#include "server/store/store_test_support.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::server {
namespace {

class StoreContract : public testing::TestWithParam<MakeStore> {
 protected:
  Put enqueue(uint8_t inbox, std::optional<uint32_t> id, std::string_view payload) {
    auto message = id ? std::optional(message_id(*id)) : std::nullopt;
    return store->enqueue(owner(inbox), std::nullopt, message, to_bytes(payload)).wait(scope);
  }
  std::string drain(uint8_t inbox) {
    std::string all;
    for (const Bytes& payload : store->drain(owner(inbox)).wait(scope)) {
      all += to_text(payload) + " ";
    }
    return all;
  }
  Page read(uint8_t inbox, uint64_t after, uint32_t limit) {
    return store->read(owner(inbox), after, limit).wait(scope);
  }

  ~StoreContract() noexcept override = default;

  test::TemporaryDirectory directory;
  TestClock clock;
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  std::unique_ptr<Store> store = GetParam()(directory.file("server.db"), clock);
};

TEST_P(StoreContract, DrainsInOrderAndLeavesNothing) {
  enqueue(1, std::nullopt, "x");
  enqueue(2, std::nullopt, "other");
  enqueue(1, std::nullopt, "");
  enqueue(1, std::nullopt, "x");  // without an id, equal payloads are two
  EXPECT_EQ(drain(1), "x  x ");
  EXPECT_EQ(drain(1), "");
  EXPECT_EQ(drain(2), "other ");
}

TEST_P(StoreContract, StoresAMessageIdOnceForEachInbox) {
  EXPECT_EQ(enqueue(1, 7, "x"), Put::stored);
  EXPECT_EQ(enqueue(1, 7, "x"), Put::duplicate);
  EXPECT_EQ(enqueue(2, 7, "y"), Put::stored);
  EXPECT_EQ(drain(1), "x ");
  EXPECT_EQ(enqueue(1, 7, "x"), Put::duplicate);
  EXPECT_EQ(drain(1), "");
}

TEST_P(StoreContract, RemembersTheNewestMessageIdsAndForgetsTheOldest) {
  const uint64_t remembered = small_limits().inbox.remembered;
  uint32_t id = 0;
  for (; id < 5 * remembered; ++id) {
    EXPECT_EQ(enqueue(1, id, "x"), Put::stored);
    drain(1);
    uint64_t oldest = id < remembered ? 0 : id - remembered + 1;
    EXPECT_EQ(enqueue(1, static_cast<uint32_t>(oldest), "x"), Put::duplicate) << "after " << id;
  }
  EXPECT_EQ(enqueue(1, static_cast<uint32_t>(id - 2 * remembered - 1), "x"), Put::stored);
}

TEST_P(StoreContract, ReadsPagesAfterACursor) {
  for (const char* payload : {"a", "b", "c"}) enqueue(1, std::nullopt, payload);
  Page page = read(1, 0, 2);
  ASSERT_EQ(page.entries.size(), 2u);
  EXPECT_TRUE(page.more);
  EXPECT_EQ(to_text(page.entries[1].payload), "b");
  Page rest = read(1, page.entries[1].sequence, 2);
  ASSERT_EQ(rest.entries.size(), 1u);
  EXPECT_FALSE(rest.more);
  EXPECT_GT(rest.entries[0].sequence, page.entries[1].sequence);
  EXPECT_EQ(read(1, 0, 0).entries.size(), 3u);  // reading removes nothing
  EXPECT_TRUE(read(1, UINT64_MAX, 0).entries.empty());
  EXPECT_TRUE(read(9, 0, 0).entries.empty());
}

TEST_P(StoreContract, AcknowledgeRemovesThroughTheCursor) {
  for (const char* payload : {"a", "b", "c"}) enqueue(1, std::nullopt, payload);
  enqueue(2, std::nullopt, "other");
  uint64_t second = read(1, 0, 2).entries[1].sequence;
  EXPECT_EQ(store->acknowledge(owner(1), second).wait(scope), 2u);
  EXPECT_EQ(store->acknowledge(owner(1), second).wait(scope), 0u);
  EXPECT_EQ(drain(1), "c ");
  EXPECT_EQ(store->acknowledge(owner(2), UINT64_MAX).wait(scope), 1u);
}

TEST_P(StoreContract, SequenceNumbersAreNeverGivenAgain) {
  uint64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    enqueue(1, std::nullopt, "x");
    uint64_t sequence = read(1, 0, 1).entries.at(0).sequence;
    EXPECT_GT(sequence, last);
    last = sequence;
    store->acknowledge(owner(1), sequence).wait(scope);
  }
}

TEST_P(StoreContract, QuotaByCountRefusesAndRecovers) {
  for (uint32_t i = 0; i < small_limits().inbox.entries; ++i) enqueue(1, std::nullopt, "x");
  auto full = store->enqueue(owner(1), std::nullopt, message_id(5), to_bytes("y"));
  EXPECT_EQ(failure(kj::mv(full), scope), Reason::quota);
  enqueue(2, std::nullopt, "others are not concerned");
  drain(1);
  EXPECT_EQ(enqueue(1, 5, "y"), Put::stored);  // the refused call left no id behind
}

TEST_P(StoreContract, QuotaByBytesRefusesAndRecovers) {
  enqueue(1, std::nullopt, std::string(60, 'x'));
  auto full = store->enqueue(owner(1), std::nullopt, std::nullopt, Bytes(41));
  EXPECT_EQ(failure(kj::mv(full), scope), Reason::quota);
  enqueue(1, std::nullopt, std::string(40, 'x'));
  store->acknowledge(owner(1), read(1, 0, 1).entries.at(0).sequence).wait(scope);
  EXPECT_EQ(enqueue(1, std::nullopt, std::string(60, 'x')), Put::stored);
}

TEST_P(StoreContract, ARefusedCallDoesNotDisturbItsNeighbours) {
  for (uint32_t i = 0; i + 1 < small_limits().inbox.entries; ++i) enqueue(1, std::nullopt, "x");
  std::vector<kj::Promise<Put>> calls;
  for (uint8_t inbox : {1, 1, 2, 1, 3}) {
    calls.push_back(store->enqueue(owner(inbox), std::nullopt, std::nullopt, to_bytes("y")));
  }
  std::vector<Reason> outcomes;
  for (auto& call : calls) outcomes.push_back(failure(kj::mv(call), scope));
  Reason ok = Reason::internal;  // what `failure` says of a success
  EXPECT_EQ(outcomes, (std::vector{ok, Reason::quota, ok, Reason::quota, ok}));
}

TEST_P(StoreContract, HealthChecksAreCounted) {
  uint64_t before = store->check_health().wait(scope);
  EXPECT_EQ(store->check_health().wait(scope), before + 1);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, both_stores(), store_name);

}  // namespace
}  // namespace qnpc::server
