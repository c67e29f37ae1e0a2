// fake_server: a Delivery Service in memory that keeps to docs/rpc.md, and lies where a test says.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "client/delivery_server.h"
#include "qnpc/crypto/hash.h"

namespace qnpc::client {

class FakeServer final : public DeliveryServer {
 public:
  View server_key() const override { return key_; }

  std::vector<std::optional<ServerError>> enqueue(
      View payload, const std::vector<Delivery>& deliveries) override {
    if (enqueues_left-- == 0) throw ServerError(Reason::truncated, "the connection was lost");
    std::vector<std::optional<ServerError>> results;
    for (const Delivery& delivery : deliveries) {
      auto refused = inbox_refusals.find(delivery.recipient.identity_key);
      results.push_back(refused == inbox_refusals.end() ? std::nullopt
                                                        : std::optional(refused->second));
      if (results.back()) continue;
      if (!seen_.insert(delivery.message_id).second) continue;
      inboxes[delivery.recipient.identity_key].push_back({++sequence_, to_bytes(payload)});
      post[delivery.recipient.identity_key].push_back(
          inboxes[delivery.recipient.identity_key].back());
    }
    return results;
  }
  InboxPage read(View recipient_key, uint64_t after) override {
    InboxPage page;
    page.expired_through = inbox_expired_through;
    for (const InboxEntry& entry : inboxes[to_bytes(recipient_key)]) {
      if (entry.sequence > after) page.entries.push_back(entry);
    }
    return page;
  }
  void acknowledge(View recipient_key, uint64_t through) override {
    if (acknowledge_refusal) throw *acknowledge_refusal;
    std::erase_if(inboxes[to_bytes(recipient_key)],
                  [&](const InboxEntry& entry) { return entry.sequence <= through; });
  }

  Appended append(View log_id, const Append& append) override {
    ++appends;
    if (before_append) before_append(append);
    if (refusal) throw *refusal;
    Appended outcome = apply(logs[to_bytes(log_id)], append);
    if (numbers_nothing) outcome.sequence = 0;
    if (loses_answers) throw ServerError(Reason::truncated, "the answer was lost");
    return outcome;
  }
  LogPage read_log(View log_id, const Secret& token, uint64_t after) override {
    if (read_refusal && (!refused_log || *refused_log == to_bytes(log_id))) throw *read_refusal;
    const Log& log = logs.at(to_bytes(log_id));
    LogPage page;
    bool ours = false;
    for (const auto& [epoch, known] : log.epochs) {
      if (known.hash != digest(token)) continue;
      ours = true;
      for (const LogEntry& entry : log.entries) {
        if (entry.sequence <= std::max(after, known.begins)) continue;
        if (page.entries.size() == page_entries) {
          page.more = true;
          break;
        }
        page.entries.push_back(entry);
      }
      if (log.expired_through > std::max(after, known.begins)) {
        page.expired_through = log.expired_through;
      }
    }
    if (!ours) throw ServerError(Reason::unauthorized, "not a token of this log");
    page.epoch = log.epochs.rbegin()->first;
    return page;
  }

  struct EpochOfLog {
    Bytes hash;           // of its token
    uint64_t begins = 0;  // the sequence number of the commit before it
  };
  struct Log {
    std::map<uint64_t, EpochOfLog> epochs;
    std::vector<LogEntry> entries;
    std::map<MessageId, uint64_t> ids;
    uint64_t expired_through = 0;
  };
  Log& only_log() { return logs.begin()->second; }

  std::map<Bytes, Log> logs;
  std::map<Bytes, std::vector<InboxEntry>> inboxes;
  std::map<Bytes, std::vector<InboxEntry>> post;  // all that ever came, acknowledged or not
  uint64_t inbox_expired_through = 0;             // of every inbox
  size_t appends = 0;
  size_t page_entries = 1000;
  size_t enqueues_left = SIZE_MAX;
  bool loses_answers = false;
  bool numbers_nothing = false;
  std::function<void(const Append&)> before_append;  // what happens in the meantime
  std::optional<ServerError> refusal;
  std::optional<ServerError> read_refusal;
  std::optional<Bytes> refused_log;  // only that one
  std::optional<ServerError> acknowledge_refusal;
  std::map<Bytes, ServerError> inbox_refusals;  // by recipient

 private:
  static Bytes digest(const Secret& token) {
    return crypto::digest(crypto::Hash::sha256, token.reveal());
  }

  Appended apply(Log& log, const Append& append) {
    if (append.kind == Append::Kind::create) {
      log.epochs.try_emplace(append.epoch, EpochOfLog{digest(append.token), 0});
      return {.accepted = true};
    }
    if (auto known = log.ids.find(append.message_id); known != log.ids.end()) {
      return {.accepted = true, .sequence = known->second};
    }
    const uint64_t current = log.epochs.rbegin()->first;
    const bool is_commit = append.kind == Append::Kind::commit;
    const bool is_open = append.epoch == current || (!is_commit && append.epoch + 1 == current);
    if (!is_open) return {};
    if (log.epochs.at(append.epoch).hash != digest(append.token)) {
      throw ServerError(Reason::unauthorized, "not the epoch's token");
    }
    log.entries.push_back({++sequence_, append.epoch, is_commit, append.payload});
    log.ids[append.message_id] = sequence_;
    if (is_commit) log.epochs[current + 1] = {append.next_token_hash, sequence_};
    return {.accepted = true, .sequence = sequence_};
  }

  Bytes key_ = Bytes(32, 9);
  uint64_t sequence_ = 0;
  std::set<MessageId> seen_;
};

}  // namespace qnpc::client
