// accounts: what the server knows of identities beside their queues: whether they may log in, and
// the token that delivers into their inbox; and the invitations that let new ones in.
// docs/server-store.md describes the tables.
//
// All calls happen within a transaction of the caller's; they throw as Database does, and before
// anything is changed an Error of `unauthorized`, or OverQuota.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/store/database.h"
#include "server/store/store.h"

namespace qnpc::server {

std::string accounts_schema();

class AccountsReader {
 public:
  explicit AccountsReader(Database& database);
  Standing standing(const OwnerKey& identity);
  std::vector<OwnerKey> admitted();
  std::vector<Invitation> invitations();

 private:
  Statement select_standing_;
  Statement select_admitted_;
  Statement select_invitations_;
};

class Accounts {
 public:
  Accounts(Database& database, uint64_t logs_per_identity);
  void set_standing(const OwnerKey& identity, Standing standing);
  void admit(const OwnerKey& identity);
  void set_delivery_token(const OwnerKey& inbox, const TokenHash& token);
  void require_delivery_token(const OwnerKey& inbox, const TokenHash& token);
  void count_log(const OwnerKey& maker);

  Put create_invitation(const Invitation& invitation);
  void use_invitation(const TokenHash& token, const OwnerKey& identity,
                      std::chrono::sys_seconds now);
  bool revoke_invitation(const TokenHash& token);

 private:
  const uint64_t logs_per_identity_;
  Statement set_standing_;
  Statement select_standing_;
  Statement set_delivery_token_;
  Statement select_delivery_token_;
  Statement count_log_;
  Statement insert_invitation_;
  Statement select_invitation_;
  Statement count_use_;
  Statement select_use_;
  Statement insert_use_;
  Statement delete_uses_;
  Statement delete_invitation_;
};

}  // namespace qnpc::server
