// store_history_test: long random histories in which the SQLite store and the model must agree,
// also across reopening.
#include <gtest/gtest.h>

#include <random>

#include "server/store/store_test_support.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::server {
namespace {

/// One random history, applied to both stores; what they say is written down and compared.
class History {
 public:
  History(uint32_t seed, TestClock& clock, kj::WaitScope& scope)
      : random_(seed), clock_(clock), scope_(scope) {}

  void step(Store& real, Store& model) {
    Step step;
    step.kind = pick(21);
    step.key = static_cast<uint8_t>(pick(3));
    step.number = static_cast<uint32_t>(pick(20));
    step.blob = Bytes(pick(30), static_cast<uint8_t>(pick(256)));
    step.index = pick(4);
    step.epoch = epochs_[step.key] + pick(4) - std::min<uint64_t>(2, epochs_[step.key]);
    step.token = pick(10) == 0 ? step.epoch + 1 : step.epoch;
    pass_time();
    std::string expected = apply(model, step);
    ASSERT_EQ(apply(real, step), expected) << "operation " << step.kind;
    if (step.kind == 8 && expected.starts_with("accepted")) epochs_[step.key] = step.epoch + 1;
  }

 private:
  struct Step {
    size_t kind = 0;
    uint8_t key = 0;
    uint32_t number = 0;
    Bytes blob;
    size_t index = 0;
    uint64_t epoch = 0;
    uint64_t token = 0;
  };

  size_t pick(size_t below) { return random_() % below; }

  /// Some seconds, rarely a day, and very rarely a day back.
  void pass_time() {
    size_t event = pick(100);
    auto days = std::chrono::hours(event == 0 ? -24 : event < 4 ? 24 : 0);
    clock_.now = clock_.now.load() + days + std::chrono::seconds(pick(30));
  }

  std::string apply(Store& store, const Step& step) {
    const auto& [kind, key, number, blob, index, epoch, token] = step;
    const auto suite = static_cast<CipherSuite>(number % 2);
    LogAppend message{owner(key), epoch, token_hash(token), message_id(number), blob};
    switch (kind) {
      case 0: return said(store.put_key_package(owner(key), suite, fingerprint(number), blob));
      case 1:
        return index == 0 ? said(store.last_resort(owner(key), suite))
                          : said(store.take_key_package(owner(key), suite));
      case 2: return said(store.drain(owner(key)));
      case 3: {
        Page page = store.read(owner(key), 0, 0).wait(scope_);
        uint64_t through = index < page.entries.size() ? page.entries[index].sequence : 0;
        return said(store.acknowledge(owner(key), through));
      }
      case 4: return said(store.read(owner(key), number, static_cast<uint32_t>(index)));
      case 5: return said(store.create_log(owner(key), index / 3, token_hash(index / 3)));
      case 6:
      case 7: return said(store.append(message));
      case 8: return said(store.commit(message, token_hash(epoch + 1)));
      case 9: {
        auto shown = index == 0 ? std::nullopt : std::optional(token_hash(token));
        return said(store.read_log(owner(key), shown, number, static_cast<uint32_t>(index)));
      }
      case 10: return said(store.expire());
      case 11: return said(store.put_last_resort(owner(key), suite, blob));
      case 12:
        return index == 0 ? said(store.drop_key_packages(owner(key), suite))
                          : said(store.key_package_stock(owner(key), suite));
      case 13: return said(store.set_delivery_token(owner(key), token_hash(index)));
      case 14:
        return said(store.set_standing(owner(key), static_cast<Standing>(index % 3))) +
               said(store.admitted());
      case 15: {
        auto expires = clock_.now.load() + std::chrono::hours(12);
        Put put = store.create_invitation({token_hash(key), index, 0, expires}).wait(scope_);
        return text(put) + said(store.invitations());
      }
      case 16: return said(store.use_invitation(token_hash(key), owner(number)));
      case 17:
        return index == 0 ? said(store.revoke_invitation(token_hash(key)))
                          : said(store.admit(owner(key))) + said(store.standing(owner(key)));
      case 18: return said(store.count_log(owner(key)));
      case 19: return said(store.check_health());
      default: {
        auto shown = number < 5 ? std::optional(token_hash(number)) : std::nullopt;
        auto id = index ? std::optional(message_id(number)) : std::nullopt;
        return said(store.enqueue(owner(key), shown, id, blob));
      }
    }
  }

  template <class T>
  std::string said(kj::Promise<T> promise) {
    return promise
        .then([](T&& value) { return text(value); },
              [](kj::Exception&& e) { return std::string(name(rpc::from_exception(e).reason())); })
        .wait(scope_);
  }
  std::string said(kj::Promise<void> promise) {
    return said(promise.then([] { return std::string("done"); }));
  }
  static std::string text(const std::string& said) { return said; }
  static std::string text(const KeyPackageStock& stock) {
    return std::to_string(stock.count) + (stock.has_last_resort ? " and one" : "");
  }
  static std::string text(const std::vector<OwnerKey>& keys) {
    std::string all;
    for (const OwnerKey& key : keys) all += to_hex(key) + " ";
    return all;
  }
  static std::string text(const std::vector<Invitation>& invitations) {
    std::string all;
    for (const Invitation& i : invitations) {
      all += to_hex(i.token) + " " + std::to_string(i.used) + "/" + std::to_string(i.uses) + " " +
             std::to_string(i.expires.time_since_epoch().count()) + ", ";
    }
    return all;
  }
  static std::string text(Put put) { return put == Put::stored ? "stored" : "duplicate"; }
  static std::string text(uint64_t number) { return std::to_string(number); }
  static std::string text(const std::optional<Bytes>& b) { return b ? to_hex(*b) : "none"; }
  static std::string text(const std::vector<Bytes>& blobs) {
    std::string all;
    for (const Bytes& blob : blobs) all += to_hex(blob) + " ";
    return all;
  }
  static std::string text(Standing standing) { return std::to_string(static_cast<int>(standing)); }
  static std::string text(bool more) { return more ? "more" : "done"; }
  static std::string text(const Entry& entry) {
    return std::to_string(entry.sequence) + (entry.is_commit ? " commit " : " ") +
           std::to_string(entry.epoch) + " " + to_hex(entry.payload) + ", ";
  }
  static std::string text(const Page& page) {
    std::string all = page.more ? "more: " : "";
    for (const Entry& entry : page.entries) all += text(entry);
    return all + "epoch " + std::to_string(page.epoch) + ", begins after " +
           std::to_string(page.beginning) + ", expired through " +
           std::to_string(page.expired_through);
  }
  static std::string text(const CommitOutcome& outcome) {
    std::string said = outcome.accepted ? "accepted " : "lost ";
    said += std::to_string(outcome.sequence) + ", epoch " + std::to_string(outcome.epoch);
    return outcome.winner ? said + ", to " + text(*outcome.winner) : said;
  }

  std::mt19937 random_;
  TestClock& clock_;
  std::map<uint8_t, uint64_t> epochs_;  // of the logs, as far as we committed
  kj::WaitScope& scope_;
};

TEST(StoreHistories, SqliteAgreesWithTheModelAlsoAcrossReopening) {
  kj::EventLoop loop;
  kj::WaitScope scope(loop);
  for (uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    test::TemporaryDirectory directory;
    TestClock clock;
    ModelStore model(small_limits(), clock);
    auto real = make_sqlite(directory.file("server.db"), clock);
    History history(seed, clock, scope);
    for (int step = 0; step < 600; ++step) {
      history.step(*real, model);
      if (testing::Test::HasFatalFailure()) return;
      if (step % 200 == 199) {
        real.reset();
        real = make_sqlite(directory.file("server.db"), clock);
      }
    }
  }
}

}  // namespace
}  // namespace qnpc::server
