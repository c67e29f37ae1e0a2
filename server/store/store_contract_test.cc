// store_contract_test: what Store promises, asked of the SQLite store and of the model, and long
// random histories in which the two must agree.
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <set>

#include "server/store/model_store.h"
#include "server/store/store_test_support.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::server {
namespace {

using test::TemporaryDirectory;

StoreLimits small_limits() {
  return {.key_packages = {.entries = 4, .bytes = 64, .remembered = 6},
          .inbox = {.entries = 8, .bytes = 100, .remembered = 10}};
}

using Make = std::function<std::unique_ptr<Store>(const TemporaryDirectory&)>;

std::unique_ptr<Store> make_sqlite(const TemporaryDirectory& directory) {
  return std::make_unique<SqliteStore>(directory.file("server.db"), small_limits(), must_not_fail);
}
std::unique_ptr<Store> make_model(const TemporaryDirectory&) {
  return std::make_unique<ModelStore>(small_limits());
}

class StoreContract : public testing::TestWithParam<Make> {
 protected:
  Put enqueue(uint8_t inbox, std::optional<uint32_t> id, std::string_view payload) {
    auto message = id ? std::optional(message_id(*id)) : std::nullopt;
    return store->enqueue(owner(inbox), message, to_bytes(payload)).wait(scope);
  }
  Put upload(uint8_t identity, uint32_t number, std::string_view package) {
    return store->put_key_package(owner(identity), fingerprint(number), to_bytes(package))
        .wait(scope);
  }
  std::string take(uint8_t identity) {
    auto package = store->take_key_package(owner(identity)).wait(scope);
    return package ? to_text(*package) : "none";
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

  TemporaryDirectory directory;
  kj::EventLoop loop;
  kj::WaitScope scope{loop};
  std::unique_ptr<Store> store = GetParam()(directory);
};

TEST_P(StoreContract, GivesKeyPackagesOldestFirstAndOnce) {
  EXPECT_EQ(take(1), "none");
  upload(1, 10, "a");
  upload(1, 11, "b");
  upload(2, 12, "other");
  EXPECT_EQ(take(1), "a");
  EXPECT_EQ(take(1), "b");
  EXPECT_EQ(take(1), "none");
  EXPECT_EQ(take(2), "other");
}

TEST_P(StoreContract, RepeatedUploadIsNotHandedOutAgain) {
  EXPECT_EQ(upload(1, 10, "a"), Put::stored);
  EXPECT_EQ(upload(1, 10, "a"), Put::duplicate);
  EXPECT_EQ(take(1), "a");
  EXPECT_EQ(upload(1, 10, "a"), Put::duplicate);
  EXPECT_EQ(take(1), "none");
  EXPECT_EQ(upload(2, 10, "a"), Put::stored);  // another identity is another matter
}

TEST_P(StoreContract, RacingTakersGetDifferentPackages) {
  upload(1, 10, "a");
  upload(1, 11, "b");
  std::vector<kj::Promise<std::optional<Bytes>>> takers;
  for (int i = 0; i < 5; ++i) takers.push_back(store->take_key_package(owner(1)));
  std::multiset<std::string> got;
  for (auto& taker : takers) {
    auto package = taker.wait(scope);
    got.insert(package ? to_text(*package) : "none");
  }
  EXPECT_EQ(got, (std::multiset<std::string>{"a", "b", "none", "none", "none"}));
}

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
  auto full = store->enqueue(owner(1), message_id(5), to_bytes("y"));
  EXPECT_EQ(failure(kj::mv(full), scope), Reason::quota);
  enqueue(2, std::nullopt, "others are not concerned");
  drain(1);
  EXPECT_EQ(enqueue(1, 5, "y"), Put::stored);  // the refused call left no id behind
}

TEST_P(StoreContract, QuotaByBytesRefusesAndRecovers) {
  enqueue(1, std::nullopt, std::string(60, 'x'));
  auto full = store->enqueue(owner(1), std::nullopt, Bytes(41));
  EXPECT_EQ(failure(kj::mv(full), scope), Reason::quota);
  enqueue(1, std::nullopt, std::string(40, 'x'));
  store->acknowledge(owner(1), read(1, 0, 1).entries.at(0).sequence).wait(scope);
  EXPECT_EQ(enqueue(1, std::nullopt, std::string(60, 'x')), Put::stored);
}

TEST_P(StoreContract, ARefusedCallDoesNotDisturbItsNeighbours) {
  for (uint32_t i = 0; i + 1 < small_limits().inbox.entries; ++i) enqueue(1, std::nullopt, "x");
  std::vector<kj::Promise<Put>> calls;
  for (uint8_t inbox : {1, 1, 2, 1, 3}) {
    calls.push_back(store->enqueue(owner(inbox), std::nullopt, to_bytes("y")));
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

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract,
                         testing::Values(Make(make_sqlite), Make(make_model)),
                         [](const auto& store) { return store.index == 0 ? "Sqlite" : "Model"; });

/// One random history, applied to both stores; what they say is written down and compared.
class History {
 public:
  History(uint32_t seed, kj::WaitScope& scope) : random_(seed), scope_(scope) {}

  void step(Store& real, Store& model) {
    uint8_t key = static_cast<uint8_t>(pick(3));
    auto number = static_cast<uint32_t>(pick(20));
    Bytes blob(pick(30), static_cast<uint8_t>(pick(256)));
    size_t index = pick(4);
    auto kind = pick(6);
    std::string expected = apply(model, kind, key, number, blob, index);
    ASSERT_EQ(apply(real, kind, key, number, blob, index), expected) << "operation " << kind;
  }

 private:
  size_t pick(size_t below) { return random_() % below; }

  std::string apply(Store& store, size_t kind, uint8_t key, uint32_t number, const Bytes& blob,
                    size_t index) {
    switch (kind) {
      case 0: return said(store.put_key_package(owner(key), fingerprint(number), blob));
      case 1: return said(store.take_key_package(owner(key)));
      case 2: return said(store.drain(owner(key)));
      case 3: {  // sequence numbers differ between the stores: speak of them by position
        Page page = store.read(owner(key), 0, 0).wait(scope_);
        uint64_t through = index < page.entries.size() ? page.entries[index].sequence : 0;
        return said(store.acknowledge(owner(key), through));
      }
      case 4: return said(store.read(owner(key), 0, static_cast<uint32_t>(index)));
      default:
        return said(store.enqueue(owner(key),
                                  index ? std::optional(message_id(number)) : std::nullopt, blob));
    }
  }

  template <class T>
  std::string said(kj::Promise<T> promise) {
    return promise
        .then([](T&& value) { return text(value); },
              [](kj::Exception&& e) { return std::string(name(rpc::from_exception(e).reason())); })
        .wait(scope_);
  }
  static std::string text(Put put) { return put == Put::stored ? "stored" : "duplicate"; }
  static std::string text(uint64_t number) { return std::to_string(number); }
  static std::string text(const std::optional<Bytes>& b) { return b ? to_hex(*b) : "none"; }
  static std::string text(const std::vector<Bytes>& blobs) {
    std::string all;
    for (const Bytes& blob : blobs) all += to_hex(blob) + " ";
    return all;
  }
  static std::string text(const Page& page) {
    std::string all = page.more ? "more: " : "";
    for (const Entry& entry : page.entries) all += to_hex(entry.payload) + " ";
    return all;
  }

  std::mt19937 random_;
  kj::WaitScope& scope_;
};

TEST(StoreHistories, SqliteAgreesWithTheModelAlsoAcrossReopening) {
  kj::EventLoop loop;
  kj::WaitScope scope(loop);
  for (uint32_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    TemporaryDirectory directory;
    ModelStore model(small_limits());
    auto real = make_sqlite(directory);
    History history(seed, scope);
    for (int step = 0; step < 300; ++step) {
      history.step(*real, model);
      if (testing::Test::HasFatalFailure()) return;
      if (step % 100 == 99) {
        real.reset();
        real = make_sqlite(directory);
      }
    }
  }
}

}  // namespace
}  // namespace qnpc::server
