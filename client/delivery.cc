#include "client/delivery.h"

#include <algorithm>
#include <set>

#include "client/limits.h"

namespace qnpc::client {
namespace {

constexpr const char* kept =
    ". It is kept in the state and goes out with the next command; do not send it again";

template <class Entry>
void require_ascending(const std::vector<Entry>& entries, uint64_t cursor) {
  for (const Entry& entry : entries) {
    if (entry.sequence <= cursor) {
      throw ServerError(Reason::malformed, "the server numbers its entries backwards");
    }
    cursor = entry.sequence;
  }
}

// The recipient, the token or the payload is a wrong one, and stays so.
bool is_final(Reason reason) {
  return reason == Reason::malformed || reason == Reason::unauthorized ||
         reason == Reason::too_large;
}

ServerError given_up(View payload, const Recipient& recipient, const ServerError& refusal) {
  const std::string key = to_hex(recipient.identity_key);
  const bool is_invitation = group::inspect_message(payload).is_welcome;
  const std::string what = is_invitation ? "the invitation of " + key
                                         : "the request to take you in again, for " + key + ",";
  const std::string remedy =
      is_invitation ? "They count as a member and know nothing of it: `remove` them, ask them to "
                      "`register`, and invite them again"
                    : "Another member can take you in; or ask one to `remove` you and to invite "
                      "you again";
  return ServerError(refusal.reason(), what + " was not delivered and is given up: " +
                                           refusal.what() + ". " + remedy);
}

// What was taken in is in the state: where the server cannot remove it now, for instance because
// its disk is full, it shows it again.
void acknowledge(Messenger& messenger, DeliveryServer& server, uint64_t through) {
  try {
    server.acknowledge(messenger.identity_key(), through);
  } catch (const ServerError& e) {
    if (exit_code_of(e) == ExitCode::unreachable) throw;
  }
}

}  // namespace

Refusals deliver_outbox(Messenger& messenger, State& state, DeliveryServer& server) {
  Refusals refusals;
  std::set<Bytes> blocked;  // recipients whose earlier message did not get through
  for (int64_t outgoing : state.outbox.waiting()) {
    std::vector<Delivery> due = state.outbox.deliveries(outgoing);
    std::erase_if(due,
                  [&](const Delivery& d) { return blocked.contains(d.recipient.identity_key); });
    if (due.empty()) continue;
    const Secret payload = state.outbox.payload(outgoing);
    std::vector<std::optional<ServerError>> results;
    try {
      results = server.enqueue(payload.reveal(), due);
    } catch (const ServerError& e) {
      throw ServerError(e.reason(), e.what() + std::string(kept));
    }
    Transaction transaction(state.database());
    for (size_t i = 0; i < due.size(); ++i) {
      const Recipient& recipient = due[i].recipient;
      const bool is_refused_for_good = results[i] && is_final(results[i]->reason());
      if (!results[i] || is_refused_for_good) state.outbox.remove(due[i]);
      if (is_refused_for_good) {
        ServerError refusal = given_up(payload.reveal(), recipient, *results[i]);
        messenger.gave_up(refusal.what());
        refusals.final.push_back({recipient.identity_key, std::move(refusal)});
      } else if (results[i]) {
        blocked.insert(recipient.identity_key);
        if (refusals.waits) continue;
        refusals.waits = ServerError(results[i]->reason(), "the server refused a message for " +
                                                               to_hex(recipient.identity_key) +
                                                               ": " + results[i]->what() + kept);
      }
    }
    transaction.commit();
  }
  return refusals;
}

// From the beginning each time: what we have taken in is acknowledged and gone, or recognised. So a
// server that has once shown an impossible number, or was restored from a backup and counts anew,
// hides nothing from us afterwards.
bool read_inbox(Messenger& messenger, DeliveryServer& server, std::set<GroupRef> logs_read) {
  InboxReading reading{.logs_read = std::move(logs_read)};
  uint64_t after = 0;
  for (size_t pages = 0; pages < limits::pages_in_a_row; ++pages) {
    InboxPage page = server.read(messenger.identity_key(), after);
    require_ascending(page.entries, after);
    const uint64_t before = reading.taken_through;
    messenger.receive(server.server_key(), page, reading);
    if (reading.taken_through > before) acknowledge(messenger, server, reading.taken_through);
    if (!page.more || page.entries.empty()) return !reading.is_waiting;
    after = page.entries.back().sequence;
  }
  throw ServerError(Reason::malformed, "the server's inbox has no end");
}

// Logs first: whoever was removed and invited again learns of the one before the other. Each round
// leaves one invitation less.
std::set<GroupRef> read_logs_and_inbox(Messenger& messenger, State& state, DeliveryServer& server,
                                       const std::function<bool(const Group&)>& read_log) {
  std::set<GroupRef> tried;
  for (bool is_again = false;; is_again = true) {
    std::set<GroupRef> read;
    const std::vector<Group> groups = state.groups.list();
    for (const Group& group : groups) {
      if (read_log(group)) read.insert(group.ref);
      tried.insert(group.ref);
    }
    const bool all_read = read.size() == groups.size();
    if (read_inbox(messenger, server, is_again ? std::move(read) : std::set<GroupRef>())) {
      return tried;
    }
    // A log that cannot be read now may say why the invitation is there: the next time.
    if (is_again && !all_read) return tried;
  }
}

namespace {

// What is behind one call of synchronise_log.
class LogSync {
 public:
  LogSync(Messenger& messenger, State& state, DeliveryServer& server, GroupRef group)
      : messenger_(messenger),
        state_(state),
        server_(server),
        group_(group),
        log_id_(messenger.log_id(group)) {}

  void run(bool speaking) {
    for (;;) {
      std::vector<Append> waiting = state_.appends.of(group_);
      if (waiting.empty() || waiting.front().kind != Append::Kind::create) {
        if (!read_to_the_end()) return;
        if (state_.groups.find(group_)->is_behind) return;  // what we say has its place later
        messenger_.send_again_what_may_have_expired(group_);
        if (may_change_) messenger_.prepare_commit(group_, speaking);
        waiting = state_.appends.of(group_);
        if (waiting.empty()) return;
      }
      const Append& next = first_due(waiting);
      require_news(next);
      const bool is_message = next.kind == Append::Kind::message;
      if (is_message && !messenger_.may_send(*state_.groups.find(group_))) return;
      const std::optional<Appended> answer = append(next);
      if (!answer) continue;
      const Appended& outcome = *answer;
      if (next.kind == Append::Kind::create) {
        messenger_.log_created(next);
      } else if (!outcome.accepted && is_message && next.epoch < epoch()) {
        if (messenger_.leaving(group_).empty()) {
          messenger_.send_again(group_);
        } else if (!messenger_.is_leaving(group_) && !speaking) {
          speaking = true;  // a commit has to come before it
        } else {
          return;  // it waits until the others have decided, or that commit can be made
        }
      } else {
        if (outcome.accepted && outcome.sequence == 0) {
          throw ServerError(Reason::malformed, "the server gives an entry of a log no number");
        }
        answered_ = next.id;
        answered_in_ = epoch();
        was_accepted_ = outcome.accepted;
        const bool is_behind_us = outcome.sequence <= state_.groups.find(group_)->cursor;
        if (outcome.accepted && is_behind_us) messenger_.was_set_back(group_, outcome.sequence);
        // One further, so that what was wanted is given up with its reason.
        if (!outcome.accepted && ++lost_ > limits::commit_attempts) return;
      }
    }
  }

 private:
  uint64_t epoch() { return messenger_.epoch(group_); }

  /// False where the log is not ours to read any more.
  bool read_to_the_end() {
    for (size_t pages = 0; pages < limits::pages_in_a_row; ++pages) {
      if (!messenger_.in_group(group_)) return false;
      const uint64_t cursor = state_.groups.find(group_)->cursor;
      LogPage page;
      try {
        page = server_.read_log(log_id_, messenger_.append_token(group_), cursor);
      } catch (const ServerError& e) {
        if (e.reason() != Reason::unauthorized) throw;
        messenger_.epoch_is_unknown(group_);
        return false;
      }
      require_ascending(page.entries, std::max(cursor, page.expired_through));
      messenger_.receive(group_, page);
      if (page.more && !page.entries.empty()) continue;
      if (!messenger_.in_group(group_)) return false;
      messenger_.read_to_the_end(group_, page.epoch);
      return true;
    }
    throw ServerError(Reason::malformed, "the server's log has no end");
  }

  /// What changes the group goes first: it must not wait behind a message that waits for it. The
  /// others are accepted in the epoch before for a while.
  static const Append& first_due(const std::vector<Append>& waiting) {
    auto is_change = [](const Append& a) { return a.kind != Append::Kind::message; };
    auto change = std::ranges::find_if(waiting, is_change);
    return change == waiting.end() ? waiting.front() : *change;
  }

  /// Once the server has said what became of an append, its log has to show why.
  void require_news(const Append& next) {
    if (next.id != answered_ || epoch() != answered_in_) return;
    messenger_.fell_behind(group_);
    if (was_accepted_) {
      throw ServerError(Reason::rejected,
                        "the server has accepted a message and its log does not show it. Do not "
                        "trust this server. If it is yours and was set back to an older state, run "
                        "`rejoin`");
    }
    throw ServerError(Reason::conflict,
                      "the group has changed, and the log does not show how: what you said or "
                      "wanted waits. Run `rejoin`");
  }

  /// Nothing where the server will never take it: it is over with it then, so that what is behind
  /// it does not wait for ever. The next commit, if nobody asked for it, would be no smaller.
  std::optional<Appended> append(const Append& next) {
    try {
      return server_.append(log_id_, next);
    } catch (const ServerError& e) {
      const bool is_commit = next.kind == Append::Kind::commit;
      if (e.reason() == Reason::too_large && (is_commit || next.kind == Append::Kind::message)) {
        messenger_.was_refused(next, e.what());
        if (is_commit) may_change_ = false;
        return std::nullopt;
      }
      throw ServerError(e.reason(), e.what() + std::string(kept));
    }
  }

  Messenger& messenger_;
  State& state_;
  DeliveryServer& server_;
  const GroupRef group_;
  const Bytes log_id_;
  int64_t answered_ = 0;
  uint64_t answered_in_ = 0;
  bool was_accepted_ = false;
  bool may_change_ = true;
  uint32_t lost_ = 0;  // epochs that others were quicker to end
};

}  // namespace

std::optional<ServerError> synchronise_log(Messenger& messenger, State& state,
                                           DeliveryServer& server, GroupRef group, bool speaking) {
  try {
    LogSync(messenger, state, server, group).run(speaking);
  } catch (const ServerError& e) {
    if (exit_code_of(e) == ExitCode::unreachable) throw;
    return ServerError(e.reason(), state.groups.find(group)->alias + ": " + e.what());
  }
  return std::nullopt;
}

}  // namespace qnpc::client
