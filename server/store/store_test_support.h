// store_test_support: what the tests of the store share: names from small numbers, the reason with
// which a promise fails, small limits, a clock to set, and both stores.
#pragma once

#include <gtest/gtest.h>
#include <kj/async.h>

#include <atomic>

#include "schemas/rpc_error.h"
#include "server/store/model_store.h"
#include "server/store/sqlite_store.h"

namespace qnpc::server {

inline OwnerKey owner(uint8_t number) {
  OwnerKey key{};
  key[0] = number;
  return key;
}

template <class Id>
Id id_of(uint32_t number) {
  Id id{};
  for (size_t i = 0; i < 4; ++i) id[i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}
inline MessageId message_id(uint32_t number) { return id_of<MessageId>(number); }
inline Fingerprint fingerprint(uint32_t number) { return id_of<Fingerprint>(number); }

inline TokenHash token_hash(uint64_t epoch) {
  return id_of<TokenHash>(static_cast<uint32_t>(epoch) + 1000);
}

/// The reason with which a promise fails; Reason::internal where it does not.
template <class T>
Reason failure(kj::Promise<T> promise, kj::WaitScope& scope) {
  return promise
      .then([](T&&) { return Reason::internal; },
            [](kj::Exception&& e) { return rpc::from_exception(e).reason(); })
      .wait(scope);
}

[[noreturn]] inline void must_not_fail(const Error& error) { throw error; }

inline StoreLimits small_limits() {
  return {.key_packages = {.entries = 4, .bytes = 64, .remembered = 6},
          .inbox = {.entries = 8, .bytes = 100, .remembered = 10},
          .log = {.entries = 16,
                  .bytes = 200,
                  .epochs = 5,
                  .grace = std::chrono::seconds(60),
                  .winner_bytes = 20},
          .logs_per_identity = 3,
          .key_package_age = std::chrono::hours(60),
          .inbox_retention = std::chrono::hours(48),
          .log_retention = std::chrono::hours(72)};
}

/// The time as a test sets it; the store asks from its own thread.
struct TestClock {
  operator Clock() {  // NOLINT: so that it can be handed to a store as it is
    return [this] { return now.load(); };
  }
  std::atomic<std::chrono::sys_seconds> now{std::chrono::sys_days(std::chrono::days(20'000))};
};

/// Opens the store with a file, where it has one.
using MakeStore = std::function<std::unique_ptr<Store>(const std::string& path, TestClock&)>;

inline std::unique_ptr<Store> make_sqlite(const std::string& path, TestClock& clock) {
  return std::make_unique<SqliteStore>(path, small_limits(), must_not_fail, clock);
}
inline std::unique_ptr<Store> make_model(const std::string&, TestClock& clock) {
  return std::make_unique<ModelStore>(small_limits(), clock);
}
inline auto both_stores() { return testing::Values(MakeStore(make_sqlite), MakeStore(make_model)); }
inline std::string store_name(const testing::TestParamInfo<MakeStore>& store) {
  return store.index == 0 ? "Sqlite" : "Model";
}

}  // namespace qnpc::server
