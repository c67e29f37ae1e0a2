#include "server/store/accounts.h"

#include <algorithm>

#include "server/store/over_quota.h"
#include "server/store/sql.h"

namespace qnpc::server {
namespace {

ByteArray<32> bytes_32(const Rows& rows, int column) {
  Bytes blob = rows.blob(column);
  ByteArray<32> out{};
  if (blob.size() != out.size()) throw Error(Reason::corrupt, "a key has not 32 bytes");
  std::copy(blob.begin(), blob.end(), out.begin());
  return out;
}

int64_t seconds(std::chrono::sys_seconds time) { return time.time_since_epoch().count(); }

std::string number(Standing standing) { return std::to_string(static_cast<int>(standing)); }

Standing standing_in(Rows rows) {
  return rows.next() ? static_cast<Standing>(rows.integer(0)) : Standing::unknown;
}

// Sets one column of an identity's row, which it makes where there is none.
std::string set_column(const std::string& column) {
  return "INSERT INTO account(key, " + column + ") VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET " +
         column + " = ?2";
}

}  // namespace

std::string accounts_schema() {
  return R"(
    CREATE TABLE account(
      id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE,
      standing INTEGER NOT NULL DEFAULT 0, delivery_token BLOB,
      logs INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE invitation(
      token BLOB PRIMARY KEY, uses INTEGER NOT NULL, expires INTEGER NOT NULL,
      used INTEGER NOT NULL DEFAULT 0)
      STRICT, WITHOUT ROWID;
    CREATE TABLE invitation_use(
      token BLOB NOT NULL, identity BLOB NOT NULL, PRIMARY KEY(token, identity))
      STRICT, WITHOUT ROWID;)";
}

AccountsReader::AccountsReader(Database& database)
    : select_standing_(database.prepare("SELECT standing FROM account WHERE key = ?1")),
      select_admitted_(database.prepare("SELECT key FROM account WHERE standing = " +
                                        number(Standing::admitted) + " ORDER BY key")),
      select_invitations_(
          database.prepare("SELECT token, uses, expires, used FROM invitation ORDER BY token")) {}

Standing AccountsReader::standing(const OwnerKey& identity) {
  return standing_in(select_standing_.query(View(identity)));
}

std::vector<OwnerKey> AccountsReader::admitted() {
  std::vector<OwnerKey> out;
  Rows rows = select_admitted_.query();
  while (rows.next()) out.push_back(bytes_32(rows, 0));
  return out;
}

std::vector<Invitation> AccountsReader::invitations() {
  std::vector<Invitation> out;
  Rows rows = select_invitations_.query();
  while (rows.next()) {
    out.push_back({bytes_32(rows, 0), static_cast<uint64_t>(rows.integer(1)),
                   static_cast<uint64_t>(rows.integer(3)),
                   std::chrono::sys_seconds(std::chrono::seconds(rows.integer(2)))});
  }
  return out;
}

Accounts::Accounts(Database& database, uint64_t logs_per_identity)
    : logs_per_identity_(logs_per_identity),
      set_standing_(database.prepare(set_column("standing"))),
      select_standing_(database.prepare("SELECT standing FROM account WHERE key = ?1")),
      set_delivery_token_(database.prepare(set_column("delivery_token"))),
      select_delivery_token_(
          database.prepare("SELECT 1 FROM account WHERE key = ?1 AND delivery_token = ?2")),
      count_log_(database.prepare(R"(
        INSERT INTO account(key, logs) VALUES(?1, 1)
        ON CONFLICT(key) DO UPDATE SET logs = logs + 1 WHERE logs < ?2 RETURNING 1)")),
      insert_invitation_(database.prepare(
          "INSERT INTO invitation VALUES(?1, ?2, ?3, 0) ON CONFLICT DO NOTHING RETURNING 1")),
      select_invitation_(
          database.prepare("SELECT expires, uses, used FROM invitation WHERE token = ?1")),
      count_use_(database.prepare("UPDATE invitation SET used = used + 1 WHERE token = ?1")),
      select_use_(
          database.prepare("SELECT 1 FROM invitation_use WHERE token = ?1 AND identity = ?2")),
      insert_use_(database.prepare("INSERT INTO invitation_use VALUES(?1, ?2)")),
      delete_uses_(database.prepare("DELETE FROM invitation_use WHERE token = ?1")),
      delete_invitation_(database.prepare("DELETE FROM invitation WHERE token = ?1 RETURNING 1")) {}

void Accounts::set_standing(const OwnerKey& identity, Standing standing) {
  set_standing_.run(View(identity), static_cast<int64_t>(standing));
}

void Accounts::admit(const OwnerKey& identity) {
  switch (standing_in(select_standing_.query(View(identity)))) {
    case Standing::unknown: return set_standing(identity, Standing::admitted);
    case Standing::admitted: return;
    case Standing::removed: throw Error(Reason::unauthorized, "the identity was removed");
  }
}

void Accounts::set_delivery_token(const OwnerKey& inbox, const TokenHash& token) {
  set_delivery_token_.run(View(inbox), View(token));
}

void Accounts::require_delivery_token(const OwnerKey& inbox, const TokenHash& token) {
  if (select_delivery_token_.query(View(inbox), View(token)).next()) return;
  throw Error(Reason::unauthorized, "this is not the token of the recipient's inbox");
}

void Accounts::count_log(const OwnerKey& maker) {
  if (count_log_.query(View(maker), to_integer(logs_per_identity_)).next()) return;
  throw OverQuota(Limit::logs_per_identity,
                  "you have made as many groups as one identity may make on this server: " +
                      std::to_string(logs_per_identity_));
}

Put Accounts::create_invitation(const Invitation& invitation) {
  Rows rows = insert_invitation_.query(
      View(invitation.token), static_cast<int64_t>(invitation.uses), seconds(invitation.expires));
  return rows.next() ? Put::stored : Put::duplicate;
}

void Accounts::use_invitation(const TokenHash& token, const OwnerKey& identity,
                              std::chrono::sys_seconds now) {
  if (select_use_.query(View(token), View(identity)).next()) return;
  {
    Rows rows = select_invitation_.query(View(token));
    if (!rows.next()) throw Error(Reason::unauthorized, "there is no such invitation");
    if (rows.integer(0) <= seconds(now)) {
      throw Error(Reason::unauthorized, "the invitation has expired");
    }
    if (rows.integer(2) >= rows.integer(1)) {
      throw Error(Reason::unauthorized, "the invitation is used up");
    }
  }
  insert_use_.run(View(token), View(identity));
  count_use_.run(View(token));
}

bool Accounts::revoke_invitation(const TokenHash& token) {
  delete_uses_.run(View(token));
  return delete_invitation_.query(View(token)).next();
}

}  // namespace qnpc::server
