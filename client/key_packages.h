// key_packages: what we leave at the server for others to invite us with, of each suite: what is to
// be made anew and when, and how long the private halves are kept. Knows no network.
//
// Each call that changes something is one transaction, but for was_used() and renew(), which are
// part of one.
#pragma once

#include "client/clock.h"
#include "client/state/state.h"
#include "qnpc/group/group_member.h"

namespace qnpc::client {

class KeyPackages {
 public:
  /// All of them outlive it.
  KeyPackages(State& state, Random& random, const Clock& clock, const group::Identity& identity);

  /// Whether to look at what the server has: one was used, or the last look was long ago. Not for a
  /// while after failed().
  bool is_due() const;
  /// The server could not be asked. Erases, as filled() does, the private keys of those KeyPackages
  /// that nobody can use any more.
  void failed();
  /// The server has enough of all suites, none of them old.
  void filled();

  /// Whether those at the server may be old, so that they are to be replaced.
  bool is_stock_old(group::Suite suite) const;
  /// There are none any more that were made before now.
  void stock_is_new(group::Suite suite);
  /// KeyPackages to be published next, `count` of them: the same ones until they are, unless they
  /// have become old.
  std::vector<Bytes> unpublished(group::Suite suite, uint32_t count);
  void published(group::Suite suite);

  /// Whether the last resort at the server was used, or is old.
  bool is_last_resort_old(group::Suite suite) const;
  /// Likewise the same one until it is published.
  Bytes unpublished_last_resort(group::Suite suite);
  /// The private keys of the one before are kept for a while: somebody may have taken it.
  void last_resort_published(group::Suite suite, View package);

  /// All that are at the server say what is no longer true of us: they are to be replaced. Part of
  /// the caller's transaction.
  void renew();

  /// A Welcome has come for one.
  void was_used(const group::Joined& joined);

 private:
  /// A last resort that was replaced.
  struct Replaced {
    Bytes ref;
    uint64_t at_ms = 0;
    static auto wire(auto& m) { return std::tie(m.ref, m.at_ms); }
  };
  /// Of one suite. Times are when it was done; 0: never, or it is to be done again.
  struct Stock {
    group::Suite suite{};
    uint64_t renewed_ms = 0;         // all that are at the server were made since then
    std::vector<Bytes> unpublished;  // made, and not known to be at the server
    uint64_t unpublished_ms = 0;     // when the first of them was made
    Bytes unpublished_last_resort;   // likewise
    uint64_t unpublished_last_resort_ms = 0;
    Bytes last_resort;            // by reference, the one that was published last
    uint64_t last_resort_ms = 0;  // then
    std::vector<Replaced> replaced;
    static auto wire(auto& m) {
      return std::tie(m.suite, m.renewed_ms, m.unpublished, m.unpublished_ms,
                      m.unpublished_last_resort, m.unpublished_last_resort_ms, m.last_resort,
                      m.last_resort_ms, m.replaced);
    }
  };
  struct Record {
    uint64_t filled_ms = 0;
    uint64_t failed_ms = 0;
    std::vector<Stock> stocks;
    static auto wire(auto& m) { return std::tie(m.filled_ms, m.failed_ms, m.stocks); }
  };

  Record load() const;
  Stock load(group::Suite suite) const;
  void save(const Record& record);
  /// One transaction: `change` is given what is to be changed.
  template <class Change>
  void update(Change&& change);
  template <class Change>
  void update(group::Suite suite, Change&& change);
  void erase_old_keys(Record& record);
  void forget_replaced(Stock& stock);
  bool is_past(uint64_t since_ms, std::chrono::milliseconds time) const;
  UnixTime now() const { return {clock_() / 1000}; }

  State& state_;
  Random& random_;
  const Clock& clock_;
  const group::Identity& identity_;
};

}  // namespace qnpc::client
