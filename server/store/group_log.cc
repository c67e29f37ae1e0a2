#include "server/store/group_log.h"

#include <algorithm>
#include <cstdlib>

#include "server/limits.h"
#include "server/store/over_quota.h"
#include "server/store/sql.h"

namespace qnpc::server {
namespace {

[[noreturn]] void fail_not_found() { throw Error(Reason::not_found, "there is no such log"); }

uint64_t count(const Rows& rows, int column) { return static_cast<uint64_t>(rows.integer(column)); }

}  // namespace

std::string group_log_schema() {
  // A message id is remembered as long as its entry is there.
  return R"(
    CREATE TABLE log_owner(
      id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,
      entries INTEGER NOT NULL, bytes INTEGER NOT NULL, expired_through INTEGER NOT NULL,
      epoch INTEGER NOT NULL, epoch_since INTEGER NOT NULL,
      first_epoch INTEGER NOT NULL, first_token_hash BLOB NOT NULL) STRICT;
    CREATE TABLE log_epoch(
      owner INTEGER NOT NULL, epoch INTEGER NOT NULL, token_hash BLOB NOT NULL,
      commit_sequence INTEGER NOT NULL,
      PRIMARY KEY(owner, epoch)) STRICT, WITHOUT ROWID;
    CREATE TABLE log_entry(
      sequence INTEGER PRIMARY KEY AUTOINCREMENT, owner INTEGER NOT NULL, id BLOB NOT NULL,
      epoch INTEGER NOT NULL, is_commit INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
    CREATE INDEX log_entry_by_owner ON log_entry(owner);
    CREATE UNIQUE INDEX log_entry_by_id ON log_entry(owner, id);)";
}

GroupLogReader::GroupLogReader(Database& database)
    : select_beginning_(database.prepare(R"(
        SELECT before.commit_sequence FROM log_epoch AS own
        LEFT JOIN log_epoch AS before
          ON before.owner = own.owner AND before.epoch = own.epoch - 1
        WHERE own.owner = (SELECT id FROM log_owner WHERE key = ?1) AND own.token_hash = ?2
        ORDER BY own.epoch LIMIT 1)")),
      select_(database.prepare(R"(
        SELECT log_owner.epoch, expired_through, sequence, blob, log_entry.epoch, is_commit
        FROM log_owner LEFT JOIN log_entry ON owner = log_owner.id AND sequence > ?2
        WHERE key = ?1 ORDER BY sequence LIMIT ?3)")) {}

Page GroupLogReader::read(const LogId& log, const std::optional<TokenHash>& token, uint64_t after,
                          uint64_t entries, size_t bytes) {
  const std::optional<uint64_t> beginning = token ? beginning_of(log, *token) : 0;
  if (beginning) after = std::max(after, *beginning);
  Page page;
  page.beginning = beginning.value_or(0);
  size_t sum = 0;
  Rows rows = select_.query(View(log), to_integer(after), to_integer(entries + 1));
  if (!rows.next()) fail_not_found();
  if (!beginning) throw Error(Reason::unauthorized, "the token is not one of this log");
  page.epoch = count(rows, 0);
  page.expired_through = count(rows, 1);
  if (page.expired_through <= *beginning) page.expired_through = 0;
  if (rows.integer(2) == 0) return page;  // no entry beside the log
  do {
    sum += rows.blob_size(3);
    page.more = page.entries.size() == entries || (sum > bytes && !page.entries.empty());
    if (page.more) break;
    page.entries.push_back({.sequence = count(rows, 2),
                            .payload = rows.blob(3),
                            .epoch = count(rows, 4),
                            .is_commit = rows.integer(5) != 0});
  } while (rows.next());
  return page;
}

/// The number of the commit that began the token's epoch; 0 for the first epoch that is known.
/// Nothing for a token that is not known. A committer may post the token of an older epoch: nobody
/// who has that one is cut off by it.
std::optional<uint64_t> GroupLogReader::beginning_of(const LogId& log, const TokenHash& token) {
  Rows rows = select_beginning_.query(View(log), View(token));
  if (!rows.next()) return std::nullopt;
  return count(rows, 0);
}

GroupLog::GroupLog(Database& database, const LogLimits& limits, Clock clock,
                   const DatabaseSize& size)
    : limits_(limits),
      clock_(std::move(clock)),
      size_(size),
      select_log_(database.prepare(
          "SELECT id, entries, bytes, epoch, epoch_since FROM log_owner WHERE key = ?1")),
      select_first_epoch_(
          database.prepare("SELECT first_epoch, first_token_hash FROM log_owner WHERE key = ?1")),
      insert_log_(database.prepare(R"(
        INSERT INTO log_owner(key, entries, bytes, expired_through, epoch, epoch_since,
                              first_epoch, first_token_hash)
        VALUES(?1, 0, 0, 0, ?2, ?4, ?2, ?3) RETURNING id)")),
      update_log_(database.prepare(R"(
        UPDATE log_owner SET entries = ?2, bytes = ?3, epoch = ?4, epoch_since = ?5
        WHERE id = ?1)")),
      select_epoch_(
          database.prepare("SELECT token_hash FROM log_epoch WHERE owner = ?1 AND epoch = ?2")),
      insert_epoch_(database.prepare(R"(
        INSERT INTO log_epoch(owner, epoch, token_hash, commit_sequence) VALUES(?1, ?2, ?3, 0))")),
      end_epoch_(database.prepare(
          "UPDATE log_epoch SET commit_sequence = ?3 WHERE owner = ?1 AND epoch = ?2")),
      forget_epochs_(database.prepare("DELETE FROM log_epoch WHERE owner = ?1 AND epoch <= ?2")),
      select_by_id_(database.prepare(
          "SELECT sequence, epoch, is_commit FROM log_entry WHERE owner = ?1 AND id = ?2")),
      select_commit_(database.prepare(R"(
        SELECT sequence, CASE WHEN length(blob) <= ?3 THEN blob ELSE x'' END FROM log_entry
        WHERE sequence =
          (SELECT commit_sequence FROM log_epoch WHERE owner = ?1 AND epoch = ?2))")),
      insert_(database.prepare(R"(
        INSERT INTO log_entry(owner, id, epoch, is_commit, blob) VALUES(?1, ?2, ?3, ?4, ?5)
        RETURNING sequence)")) {}

Put GroupLog::create(const LogId& id, uint64_t epoch, const TokenHash& token) {
  {
    Rows rows = select_first_epoch_.query(View(id));
    if (rows.next()) {
      if (count(rows, 0) == epoch && equal(rows.blob(1), token)) return Put::duplicate;
      throw Error(Reason::conflict, "the log was made with another epoch or token");
    }
  }
  size_.require_room();
  Log log{.epoch = epoch};
  {
    Rows rows = insert_log_.query(View(id), to_integer(epoch), View(token), now());
    rows.next();
    log.id = rows.integer(0);
  }
  begin_epoch(log, token);
  return Put::stored;
}

uint64_t GroupLog::append(const LogAppend& message) {
  Log log = find_for(message);
  if (auto sequence = first_answer(log, message, false)) return *sequence;
  require_recent_epoch(log, message.epoch);
  return insert(log, message, false);
}

CommitOutcome GroupLog::commit(const LogAppend& message, const TokenHash& next_token) {
  Log log = find_for(message);
  if (auto sequence = first_answer(log, message, true)) {
    return {.accepted = true, .sequence = *sequence, .epoch = log.epoch};
  }
  if (message.epoch != log.epoch) return lost(log, message.epoch);
  log.epoch = message.epoch + 1;
  log.epoch_since = now();
  const uint64_t sequence = insert(log, message, true);
  end_epoch_.run(log.id, to_integer(message.epoch), to_integer(sequence));
  begin_epoch(log, next_token);
  return {.accepted = true, .sequence = sequence, .epoch = log.epoch};
}

/// The log, where the message may have the right to be in it: its token is that of its epoch, or
/// the epoch is so old that nobody knows.
GroupLog::Log GroupLog::find_for(const LogAppend& message) {
  Log log;
  {
    Rows rows = select_log_.query(View(message.log));
    if (!rows.next()) fail_not_found();
    log = {rows.integer(0), count(rows, 1), count(rows, 2), count(rows, 3), rows.integer(4)};
  }
  if (message.epoch > log.epoch) {
    throw Error(Reason::conflict, "the log is in epoch " + std::to_string(log.epoch) +
                                      " and has not come to " + std::to_string(message.epoch));
  }
  Rows rows = select_epoch_.query(log.id, to_integer(message.epoch));
  log.knows_token = rows.next();
  if (log.knows_token && !equal(rows.blob(0), message.token)) {
    throw Error(Reason::unauthorized, "the token is not that of the epoch");
  }
  return log;
}

/// Where the message came before: the number that it got.
std::optional<uint64_t> GroupLog::first_answer(const Log& log, const LogAppend& message,
                                               bool is_commit) {
  Rows rows = select_by_id_.query(log.id, View(message.id));
  if (!rows.next()) return std::nullopt;
  if (count(rows, 1) == message.epoch && (rows.integer(2) != 0) == is_commit) return count(rows, 0);
  throw Error(Reason::conflict, "the message id stands for another message");
}

void GroupLog::require_recent_epoch(const Log& log, uint64_t epoch) const {
  if (epoch == log.epoch) return;
  // Either way: a clock that jumps must not leave the door open.
  const bool is_recent = std::abs(now() - log.epoch_since) <= limits_.grace.count();
  if (epoch + 1 == log.epoch && is_recent && log.knows_token) return;
  throw Error(Reason::conflict, "the log is in epoch " + std::to_string(log.epoch) +
                                    ", the message is of epoch " + std::to_string(epoch));
}

CommitOutcome GroupLog::lost(const Log& log, uint64_t epoch) {
  CommitOutcome outcome{.epoch = log.epoch};
  Rows rows = select_commit_.query(log.id, to_integer(epoch), to_integer(limits_.winner_bytes));
  if (!rows.next()) return outcome;
  outcome.winner =
      Entry{.sequence = count(rows, 0), .payload = rows.blob(1), .epoch = epoch, .is_commit = true};
  return outcome;
}

/// Throws OverQuota before anything is changed.
uint64_t GroupLog::insert(Log& log, const LogAppend& message, bool is_commit) {
  // A group that has filled its log can still remove who did.
  const auto most = [&](uint64_t limit) {
    return is_commit ? limit + limit / limits::commit_reserve : limit;
  };
  const bool is_full = log.entries + 1 > most(limits_.entries);
  if (is_full || log.bytes + message.payload.size() > most(limits_.bytes)) {
    throw OverQuota(is_full ? Limit::group_log_entries : Limit::group_log_mib,
                    "the log is full (" + std::to_string(log.entries) + " entries, " +
                        std::to_string(log.bytes) + " bytes)");
  }
  size_.require_room();
  log.entries += 1;
  log.bytes += message.payload.size();
  update_log_.run(log.id, to_integer(log.entries), to_integer(log.bytes), to_integer(log.epoch),
                  log.epoch_since);
  Rows rows = insert_.query(log.id, View(message.id), to_integer(message.epoch), int64_t{is_commit},
                            View(message.payload));
  rows.next();
  return count(rows, 0);
}

void GroupLog::begin_epoch(const Log& log, const TokenHash& token) {
  insert_epoch_.run(log.id, to_integer(log.epoch), View(token));
  if (log.epoch >= limits_.epochs) {
    forget_epochs_.run(log.id, to_integer(log.epoch - limits_.epochs));
  }
}

}  // namespace qnpc::server
