// services: the two services as plain calls. Each throws ServerError as the server answered it.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "client/connection.h"
#include "client/messenger.h"
#include "qnpc/group/key_package.h"
#include "schemas/auth.capnp.h"
#include "schemas/delivery.capnp.h"

namespace qnpc::client {

/// What a server tells about itself.
struct ServerFacts {
  std::string version;
  bool open_calls = false;
  std::string registration;    // open, invitation or closed
  uint16_t delivery_port = 0;  // 0: it does not say
  bool requires_hybrid = false;
};

/// What the server has of one suite for others to invite us with.
struct KeyPackageStock {
  uint32_t count = 0;  // without the last resort
  bool has_last_resort = false;
};

/// The logins on one connection, by identity key.
template <class SessionClient>
class Sessions {
 public:
  void add(View identity_key, SessionClient session) {
    sessions_.insert_or_assign(to_bytes(identity_key), kj::mv(session));
  }
  /// Throws Reason::internal for who has not logged in.
  SessionClient& of(View identity_key) {
    auto found = sessions_.find(to_bytes(identity_key));
    if (found == sessions_.end()) throw Error(Reason::internal, "a call without a login");
    return found->second;
  }
  /// Of any of them.
  SessionClient& any() {
    if (sessions_.empty()) throw Error(Reason::internal, "a call without a login");
    return sessions_.begin()->second;
  }

 private:
  std::map<Bytes, SessionClient> sessions_;
};

class AuthenticationClient {
 public:
  explicit AuthenticationClient(Connection& connection);
  /// One round trip.
  void ping();
  ServerFacts describe();
  /// Proves who we are. Waits for nothing: a refusal is thrown by the calls that follow.
  /// `invitation` may be empty.
  void log_in(const group::Identity& identity, const Secret& invitation);

  /// These need a login. Returns the fingerprint of each, once all are durable.
  std::vector<Bytes> upload_key_packages(View identity_key, group::Suite suite,
                                         const std::vector<Bytes>& packages,
                                         group::KeyPackageUse use);
  KeyPackageStock key_package_stock(View identity_key, group::Suite suite);
  /// Those for one use that nobody has taken are gone when this returns.
  void drop_key_packages(View identity_key, group::Suite suite);
  /// Takes one KeyPackage of somebody; nothing where the identity has none.
  std::optional<Bytes> fetch_key_package(View own_key, View identity_key, group::Suite suite);

 private:
  Connection& connection_;
  rpc::AuthenticationService::Client service_;
  Sessions<rpc::AuthenticationService::Session::Client> sessions_;
};

class DeliveryClient final : public DeliveryServer {
 public:
  explicit DeliveryClient(Connection& connection);
  void ping();
  ServerFacts describe();
  /// Proves who we are. Waits for nothing: a refusal is thrown by the calls that follow.
  void log_in(const group::Identity& identity);
  /// From now on this token delivers into the identity's inbox, and no other.
  void set_inbox_token(const group::Identity& identity);

  View server_key() const override { return connection_.server_key(); }
  std::vector<std::optional<ServerError>> enqueue(View payload,
                                                  const std::vector<Delivery>& deliveries) override;
  InboxPage read(View recipient_key, uint64_t after) override;
  void acknowledge(View recipient_key, uint64_t through) override;
  Appended append(View log_id, const Append& append) override;
  LogPage read_log(View log_id, const Secret& token, uint64_t after) override;

  /// Pushes to the sink what comes after that, as long as the subscription and the connection last.
  rpc::Subscription::Client subscribe(View recipient_key, uint64_t after,
                                      rpc::InboxSink::Client sink);
  rpc::Subscription::Client subscribe_log(View log_id, const Secret& token, uint64_t after,
                                          rpc::LogSink::Client sink);
  /// Resolves when the connection has ended, whoever ended it.
  kj::Promise<void> on_disconnect() { return connection_.on_disconnect(); }

 private:
  Appended append_or_fail(View log_id, const Append& append);

  Connection& connection_;
  rpc::DeliveryService::Client service_;
  Sessions<rpc::DeliveryService::Session::Client> sessions_;
};

}  // namespace qnpc::client
