#include "client/key_packages.h"

#include <algorithm>

#include "client/limits.h"
#include "qnpc/group/key_package.h"

namespace qnpc::client {
namespace {

using group::GroupMember;

constexpr std::string_view record_name = "key_packages";

template <class Stocks>
auto& stock_of(Stocks& stocks, group::Suite suite) {
  auto found = std::ranges::find_if(stocks, [&](const auto& s) { return s.suite == suite; });
  if (found != stocks.end()) return *found;
  stocks.push_back({.suite = suite});
  return stocks.back();
}

}  // namespace

KeyPackages::KeyPackages(State& state, Random& random, const Clock& clock,
                         const group::Identity& identity)
    : state_(state), random_(random), clock_(clock), identity_(identity) {}

// A state from before there were suites has none: all is due then.
KeyPackages::Record KeyPackages::load() const {
  std::optional<Secret> found = state_.meta.get(record_name);
  return found ? codec::decode<Record>(found->reveal()) : Record();
}

KeyPackages::Stock KeyPackages::load(group::Suite suite) const {
  Record record = load();
  return stock_of(record.stocks, suite);
}

void KeyPackages::save(const Record& record) {
  state_.meta.put(record_name, codec::encode(record));
}

template <class Change>
void KeyPackages::update(Change&& change) {
  Transaction transaction(state_.database());
  Record record = load();
  change(record);
  save(record);
  transaction.commit();
}

template <class Change>
void KeyPackages::update(group::Suite suite, Change&& change) {
  update([&](Record& record) { change(stock_of(record.stocks, suite)); });
}

// Also where the clock was set back: nobody knows how long it is.
bool KeyPackages::is_past(uint64_t since_ms, std::chrono::milliseconds time) const {
  const uint64_t now_ms = clock_();
  return since_ms == 0 || now_ms < since_ms || now_ms - since_ms >= in_ms(time);
}

bool KeyPackages::is_due() const {
  const Record record = load();
  return is_past(record.failed_ms, limits::stock_retry) &&
         is_past(record.filled_ms, limits::stock_check);
}

void KeyPackages::failed() {
  update([&](Record& record) {
    record.failed_ms = clock_();
    erase_old_keys(record);
  });
}

void KeyPackages::filled() {
  update([&](Record& record) {
    record.filled_ms = clock_();
    record.failed_ms = 0;
    erase_old_keys(record);
  });
}

void KeyPackages::erase_old_keys(Record& record) {
  for (Stock& stock : record.stocks) forget_replaced(stock);
  group::forget_expired_key_packages(state_.key_packages, now());
}

void KeyPackages::forget_replaced(Stock& stock) {
  // Where the clock was set back they stay for as long again: others may still use them.
  for (Replaced& replaced : stock.replaced) replaced.at_ms = std::min(replaced.at_ms, clock_());
  auto is_over = [&](const Replaced& r) { return is_past(r.at_ms, limits::last_resort_grace); };
  while (!stock.replaced.empty() && (is_over(stock.replaced.front()) ||
                                     stock.replaced.size() > limits::replaced_last_resorts)) {
    group::forget_key_package(stock.replaced.front().ref, state_.key_packages);
    stock.replaced.erase(stock.replaced.begin());
  }
}

bool KeyPackages::is_stock_old(group::Suite suite) const {
  return is_past(load(suite).renewed_ms, limits::key_package_age);
}

void KeyPackages::stock_is_new(group::Suite suite) {
  update(suite, [&](Stock& stock) { stock.renewed_ms = clock_(); });
}

std::vector<Bytes> KeyPackages::unpublished(group::Suite suite, uint32_t count) {
  std::vector<Bytes> packages;
  update(suite, [&](Stock& stock) {
    if (is_past(stock.unpublished_ms, limits::key_package_age)) stock.unpublished.clear();
    if (stock.unpublished.empty()) stock.unpublished_ms = clock_();
    GroupMember maker(identity_, state_.key_packages, random_);
    while (stock.unpublished.size() < count) {
      stock.unpublished.push_back(maker.generate_key_package(now(), suite));
    }
    packages.assign(stock.unpublished.begin(), stock.unpublished.begin() + count);
  });
  return packages;
}

void KeyPackages::published(group::Suite suite) {
  update(suite, [](Stock& stock) { stock.unpublished.clear(); });
}

bool KeyPackages::is_last_resort_old(group::Suite suite) const {
  return is_past(load(suite).last_resort_ms, limits::key_package_age);
}

Bytes KeyPackages::unpublished_last_resort(group::Suite suite) {
  Bytes package;
  update(suite, [&](Stock& stock) {
    Bytes& made = stock.unpublished_last_resort;
    if (made.empty() || is_past(stock.unpublished_last_resort_ms, limits::key_package_age)) {
      GroupMember maker(identity_, state_.key_packages, random_);
      made = maker.generate_last_resort(now(), suite);
      stock.unpublished_last_resort_ms = clock_();
    }
    package = made;
  });
  return package;
}

void KeyPackages::last_resort_published(group::Suite suite, View package) {
  update(suite, [&](Stock& stock) {
    if (!stock.last_resort.empty()) stock.replaced.push_back({stock.last_resort, clock_()});
    stock.last_resort = group::key_package_ref(package);
    stock.last_resort_ms = clock_();
    stock.unpublished_last_resort.clear();
    forget_replaced(stock);
  });
}

void KeyPackages::renew() {
  Record record = load();
  record.filled_ms = record.failed_ms = 0;
  for (Stock& stock : record.stocks) {
    stock.renewed_ms = stock.last_resort_ms = 0;
    stock.unpublished.clear();
    stock.unpublished_last_resort.clear();
  }
  save(record);
}

void KeyPackages::was_used(const group::Joined& joined) {
  Record record = load();
  record.filled_ms = 0;
  if (joined.was_last_resort) stock_of(record.stocks, joined.suite).last_resort_ms = 0;
  save(record);
}

}  // namespace qnpc::client
