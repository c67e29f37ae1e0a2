// model_store: the Store as its interface describes it and nothing else, in memory. The tests hold
// the real store against it.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "schemas/rpc_error.h"
#include "server/store/store.h"
#include "server/store/writer.h"

namespace qnpc::server {

class ModelStore : public Store {
 public:
  explicit ModelStore(
      const StoreLimits& store_limits, Clock clock = [] { return std::chrono::sys_seconds(); })
      : limits_(store_limits), clock_(std::move(clock)) {}

  kj::Promise<Put> put_key_package(const OwnerKey& identity, CipherSuite suite,
                                   const Fingerprint& fingerprint, Bytes package) override {
    return put(packages_, identity, limits_.key_packages,
               {{.payload = std::move(package)}, to_bytes(fingerprint), suite, false, now()});
  }
  kj::Promise<void> put_last_resort(const OwnerKey& identity, CipherSuite suite,
                                    Bytes package) override {
    Queue& queue = packages_.queues[identity];
    if (is_full(queue, limits_.key_packages, package.size())) return refusal(Reason::quota);
    std::erase_if(queue.entries, [&](const Held& held) { return held.is(suite, true); });
    queue.entries.push_back({{.payload = std::move(package)}, {}, suite, true, now()});
    return kj::READY_NOW;
  }
  kj::Promise<std::optional<Bytes>> take_key_package(const OwnerKey& identity,
                                                     CipherSuite suite) override {
    auto& entries = packages_.queues[identity].entries;
    auto first = find_package(entries, suite, false);
    if (first == entries.end()) return last_resort(identity, suite);
    std::optional<Bytes> package = first->payload;
    entries.erase(first);
    return package;
  }
  kj::Promise<std::optional<Bytes>> last_resort(const OwnerKey& identity,
                                                CipherSuite suite) override {
    auto& entries = packages_.queues[identity].entries;
    auto found = find_package(entries, suite, true);
    return found == entries.end() ? std::optional<Bytes>() : found->payload;
  }
  kj::Promise<void> drop_key_packages(const OwnerKey& identity, CipherSuite suite) override {
    std::erase_if(packages_.queues[identity].entries,
                  [&](const Held& held) { return held.is(suite, false); });
    return kj::READY_NOW;
  }
  kj::Promise<KeyPackageStock> key_package_stock(const OwnerKey& identity,
                                                 CipherSuite suite) override {
    const auto& entries = packages_.queues[identity].entries;
    auto count = [&](bool last_resort) {
      return std::ranges::count_if(entries,
                                   [&](auto& held) { return held.is(suite, last_resort); });
    };
    return KeyPackageStock{static_cast<uint64_t>(count(false)), count(true) == 1};
  }
  kj::Promise<void> set_delivery_token(const OwnerKey& inbox, const TokenHash& token) override {
    accounts_[inbox].delivery_token = token;
    return kj::READY_NOW;
  }
  kj::Promise<Put> enqueue(const OwnerKey& inbox, const std::optional<TokenHash>& token,
                           const std::optional<MessageId>& id, Bytes payload) override {
    if (token && accounts_[inbox].delivery_token != token) return refusal(Reason::unauthorized);
    ring({QueueName::Kind::inbox, inbox});
    return put(inboxes_, inbox, limits_.inbox,
               {{.payload = std::move(payload)}, id ? to_bytes(*id) : Bytes()});
  }
  kj::Promise<std::vector<Bytes>> drain(const OwnerKey& inbox) override {
    return take(inboxes_.queues[inbox], SIZE_MAX);
  }
  kj::Promise<Page> read(const OwnerKey& inbox, uint64_t after, uint32_t limit) override {
    return page(inboxes_.queues[inbox], after, limit);
  }
  kj::Promise<uint64_t> acknowledge(const OwnerKey& inbox, uint64_t through) override {
    return remove_through(inboxes_.queues[inbox], through);
  }

  kj::Promise<void> count_log(const OwnerKey& maker) override {
    uint64_t& logs = accounts_[maker].logs;
    if (logs >= limits_.logs_per_identity) return refusal(Reason::quota);
    ++logs;
    return kj::READY_NOW;
  }
  kj::Promise<Put> create_log(const LogId& log, uint64_t epoch, const TokenHash& token) override {
    auto [made, is_new] = epochs_.try_emplace(log, Epochs{epoch, epoch, now(), {{epoch, {token}}}});
    if (is_new) {
      first_tokens_[log] = token;
      return Put::stored;
    }
    if (made->second.first == epoch && first_tokens_[log] == token) return Put::duplicate;
    return refusal(Reason::conflict);
  }
  kj::Promise<uint64_t> append(LogAppend message) override {
    auto log = epochs_.find(message.log);
    if (auto refused = refuse(log, message)) return refusal(*refused);
    if (auto same = find_same(message)) {
      if (same->is_commit || same->epoch != message.epoch) return refusal(Reason::conflict);
      return uint64_t{same->sequence};
    }
    const Epochs& epochs = log->second;
    auto age = std::chrono::abs(now() - epochs.since);
    bool in_time = message.epoch + 1 == epochs.current && age <= limits_.log.grace &&
                   epochs.known.contains(message.epoch);
    if (message.epoch != epochs.current && !in_time) return refusal(Reason::conflict);
    if (is_full(message, false)) return refusal(Reason::quota);
    return insert(message, false);
  }
  kj::Promise<CommitOutcome> commit(LogAppend message, const TokenHash& next_token) override {
    auto log = epochs_.find(message.log);
    if (auto refused = refuse(log, message)) return refusal(*refused);
    Epochs& epochs = log->second;
    if (auto same = find_same(message)) {
      if (!same->is_commit || same->epoch != message.epoch) return refusal(Reason::conflict);
      return CommitOutcome{true, same->sequence, epochs.current, std::nullopt};
    }
    if (message.epoch != epochs.current) return lost(message);
    if (is_full(message, true)) return refusal(Reason::quota);
    epochs.known[message.epoch].commit = insert(message, true);
    epochs.current = message.epoch + 1;
    epochs.since = now();
    epochs.known[epochs.current] = {next_token};
    while (epochs.known.size() > limits_.log.epochs) epochs.known.erase(epochs.known.begin());
    return CommitOutcome{true, epochs.known[message.epoch].commit, epochs.current, std::nullopt};
  }
  kj::Promise<Page> read_log(const LogId& log, const std::optional<TokenHash>& token,
                             uint64_t after, uint32_t limit) override {
    auto found = epochs_.find(log);
    if (found == epochs_.end()) return refusal(Reason::not_found);
    const auto& known = found->second.known;
    auto is_token = [&](const auto& epoch) { return epoch.second.token == *token; };
    uint64_t beginning = 0;
    if (token) {
      auto own = std::ranges::find_if(known, is_token);
      if (own == known.end()) return refusal(Reason::unauthorized);
      if (own != known.begin()) beginning = std::prev(own)->second.commit;
    }
    Page out = page(logs_.queues[log], std::max(after, beginning), limit);
    out.epoch = found->second.current;
    out.beginning = beginning;
    if (out.expired_through <= beginning) out.expired_through = 0;
    return out;
  }

  kj::Promise<void> set_standing(const OwnerKey& identity, Standing standing) override {
    accounts_[identity].standing = standing;
    return kj::READY_NOW;
  }
  kj::Promise<void> admit(const OwnerKey& identity) override {
    Standing& standing = accounts_[identity].standing;
    if (standing == Standing::removed) return refusal(Reason::unauthorized);
    standing = Standing::admitted;
    return kj::READY_NOW;
  }
  kj::Promise<Standing> standing(const OwnerKey& identity) override {
    return Standing{accounts_[identity].standing};
  }
  kj::Promise<std::vector<OwnerKey>> admitted() override {
    std::vector<OwnerKey> out;
    for (const auto& [key, account] : accounts_) {
      if (account.standing == Standing::admitted) out.push_back(key);
    }
    return out;
  }

  kj::Promise<Put> create_invitation(const Invitation& invitation) override {
    bool is_new = invitations_.try_emplace(invitation.token, Invited{invitation, {}}).second;
    return is_new ? Put::stored : Put::duplicate;
  }
  kj::Promise<void> use_invitation(const TokenHash& token, const OwnerKey& identity) override {
    auto found = invitations_.find(token);
    if (found == invitations_.end()) return refusal(Reason::unauthorized);
    auto& [invitation, users] = found->second;
    if (users.contains(identity)) return kj::READY_NOW;
    if (invitation.expires <= now() || users.size() >= invitation.uses) {
      return refusal(Reason::unauthorized);
    }
    users.insert(identity);
    return kj::READY_NOW;
  }
  kj::Promise<bool> revoke_invitation(const TokenHash& token) override {
    return invitations_.erase(token) == 1;
  }
  kj::Promise<std::vector<Invitation>> invitations() override {
    std::vector<Invitation> out;
    for (auto& [token, invited] : invitations_) {
      out.push_back(invited.invitation);
      out.back().used = invited.users.size();
    }
    return out;
  }

  kj::Promise<void> watch(const QueueName& queue) override {
    auto paf = kj::newPromiseAndFulfiller<void>();
    watchers_.emplace(queue, kj::mv(paf.fulfiller));
    return kj::mv(paf.promise);
  }
  kj::Promise<bool> expire() override {
    bool more_in_inboxes = expire(inboxes_, limits_.inbox_retention);
    bool more_in_logs = expire(logs_, limits_.log_retention);
    for (auto& [identity, queue] : packages_.queues) {
      for (Held& held : queue.entries) held.uploaded = std::min(held.uploaded, now());
      std::erase_if(queue.entries, [&](const Held& held) {
        return held.uploaded + limits_.key_package_age <= now();
      });
    }
    return more_in_inboxes || more_in_logs;
  }
  kj::Promise<uint64_t> check_health() override { return ++health_checks_; }

 private:
  struct Held : Entry {
    Bytes id;
    // Of KeyPackages only:
    CipherSuite suite = 0;
    bool is_last_resort = false;
    std::chrono::sys_seconds uploaded;
    bool is(CipherSuite of, bool last_resort) const {
      return suite == of && is_last_resort == last_resort;
    }
  };
  struct Queue {
    std::deque<Held> entries;
    std::deque<Bytes> remembered;  // in generations, of which the last but one is complete
    size_t ids = 0;
    uint64_t expired_through = 0;
  };
  struct Mark {
    std::chrono::sys_seconds time;
    uint64_t through = 0;
  };
  /// Queues that share their sequence numbers.
  struct Kind {
    std::map<OwnerKey, Queue> queues;
    uint64_t last_sequence = 0;
    std::vector<Mark> marks;
  };
  struct Account {
    Standing standing = Standing::unknown;
    std::optional<TokenHash> delivery_token;
    uint64_t logs = 0;
  };
  struct Invited {
    Invitation invitation;
    std::set<OwnerKey> users;
  };
  struct Epoch {
    TokenHash token{};
    uint64_t commit = 0;  // the sequence number of the one that ended it
  };
  struct Epochs {
    uint64_t first = 0;
    uint64_t current = 0;
    std::chrono::sys_seconds since;
    std::map<uint64_t, Epoch> known;
  };

  std::chrono::sys_seconds now() const { return clock_(); }
  static kj::Exception refusal(Reason reason) { return rpc::to_exception(Error(reason, "no")); }

  static size_t bytes_in(const Queue& queue) {
    size_t bytes = 0;
    for (const Entry& entry : queue.entries) bytes += entry.payload.size();
    return bytes;
  }

  std::deque<Held>::iterator find_package(std::deque<Held>& entries, CipherSuite suite,
                                          bool last_resort) {
    return std::ranges::find_if(entries, [&](const Held& held) {
      return held.is(suite, last_resort) && held.uploaded + limits_.key_package_age > now();
    });
  }
  static bool is_full(const Queue& queue, const FifoLimits& limits, size_t more_bytes) {
    return queue.entries.size() + 1 > limits.entries || bytes_in(queue) + more_bytes > limits.bytes;
  }

  static kj::Promise<Put> put(Kind& kind, const OwnerKey& key, const FifoLimits& limits,
                              Held held) {
    Queue& queue = kind.queues[key];
    const Bytes id = held.id;
    if (!id.empty() && std::ranges::find(queue.remembered, id) != queue.remembered.end()) {
      return Put::duplicate;
    }
    if (is_full(queue, limits, held.payload.size())) return refusal(Reason::quota);
    held.sequence = ++kind.last_sequence;
    queue.entries.push_back(std::move(held));
    if (id.empty()) return Put::stored;
    queue.remembered.push_back(id);
    if (++queue.ids % limits.remembered == 0) {
      while (queue.remembered.size() > limits.remembered) queue.remembered.pop_front();
    }
    return Put::stored;
  }

  static std::vector<Bytes> take(Queue& queue, size_t count) {
    std::vector<Bytes> taken;
    while (taken.size() < count && !queue.entries.empty()) {
      taken.push_back(std::move(queue.entries.front().payload));
      queue.entries.pop_front();
    }
    return taken;
  }

  static uint64_t remove_through(Queue& queue, uint64_t through) {
    uint64_t removed = 0;
    for (; !queue.entries.empty() && queue.entries.front().sequence <= through; ++removed) {
      queue.entries.pop_front();
    }
    return removed;
  }

  static Page page(const Queue& queue, uint64_t after, uint32_t limit) {
    Page page;
    page.expired_through = queue.expired_through;
    for (const Entry& entry : queue.entries) {
      if (entry.sequence <= after) continue;
      page.more = limit != 0 && page.entries.size() == limit;
      if (page.more) break;
      page.entries.push_back(entry);
    }
    return page;
  }

  using FoundLog = std::map<LogId, Epochs>::iterator;
  std::optional<Reason> refuse(FoundLog log, const LogAppend& message) {
    if (log == epochs_.end()) return Reason::not_found;
    if (message.epoch > log->second.current) return Reason::conflict;
    auto known = log->second.known.find(message.epoch);
    bool is_wrong = known != log->second.known.end() && known->second.token != message.token;
    return is_wrong ? std::optional(Reason::unauthorized) : std::nullopt;
  }
  const Held* find_same(const LogAppend& message) {
    const auto& entries = logs_.queues[message.log].entries;
    auto same = std::ranges::find(entries, to_bytes(message.id), &Held::id);
    return same == entries.end() ? nullptr : &*same;
  }
  CommitOutcome lost(const LogAppend& message) {
    const Epochs& epochs = epochs_.at(message.log);
    CommitOutcome outcome{.epoch = epochs.current};
    auto known = epochs.known.find(message.epoch);
    if (known == epochs.known.end()) return outcome;
    for (const Entry& entry : logs_.queues[message.log].entries) {
      if (entry.sequence != known->second.commit) continue;
      outcome.winner = entry;
      if (entry.payload.size() > limits_.log.winner_bytes) outcome.winner->payload.clear();
    }
    return outcome;
  }
  bool is_full(const LogAppend& message, bool is_commit) {
    const Queue& queue = logs_.queues[message.log];
    const auto most = [&](uint64_t limit) {
      return is_commit ? limit + limit / limits::commit_reserve : limit;
    };
    return queue.entries.size() + 1 > most(limits_.log.entries) ||
           bytes_in(queue) + message.payload.size() > most(limits_.log.bytes);
  }
  uint64_t insert(const LogAppend& message, bool is_commit) {
    ring({QueueName::Kind::log, message.log});
    Entry entry{++logs_.last_sequence, message.payload, message.epoch, is_commit};
    logs_.queues[message.log].entries.push_back({std::move(entry), to_bytes(message.id)});
    return logs_.last_sequence;
  }

  void ring(const QueueName& queue) {
    auto [begin, end] = watchers_.equal_range(queue);
    for (auto watcher = begin; watcher != end; ++watcher) watcher->second->fulfill();
    watchers_.erase(begin, end);
  }

  bool expire(Kind& kind, std::chrono::seconds keep) {
    for (Mark& mark : kind.marks) mark.time = std::min(mark.time, now());
    auto newest = std::ranges::max_element(kind.marks, {}, &Mark::time);
    if (newest == kind.marks.end() || newest->time + limits::retention_mark <= now()) {
      uint64_t through = 0;
      for (const auto& [key, queue] : kind.queues) {
        if (!queue.entries.empty()) through = std::max(through, queue.entries.back().sequence);
      }
      kind.marks.push_back({now(), through});
    }
    uint64_t through = 0;
    for (const Mark& mark : kind.marks) {
      if (mark.time + keep <= now()) through = std::max(through, mark.through);
    }
    for (auto& [key, queue] : kind.queues) {
      uint64_t last = queue.expired_through;
      for (const Entry& entry : queue.entries) {
        if (entry.sequence <= through) last = entry.sequence;
      }
      remove_through(queue, through);
      queue.expired_through = last;
    }
    return false;
  }

  const StoreLimits limits_;
  const Clock clock_;
  Kind packages_;
  Kind inboxes_;
  Kind logs_;
  std::map<OwnerKey, Account> accounts_;
  std::map<TokenHash, Invited> invitations_;
  std::map<LogId, Epochs> epochs_;
  std::map<LogId, TokenHash> first_tokens_;
  std::multimap<QueueName, kj::Own<kj::PromiseFulfiller<void>>> watchers_;
  uint64_t health_checks_ = 0;
};

}  // namespace qnpc::server
