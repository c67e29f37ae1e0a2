// services: the two services as plain calls. Each throws ServerError as the server answered it.
#pragma once

#include <optional>
#include <vector>

#include "client/connection.h"
#include "client/delivery_server.h"
#include "schemas/auth.capnp.h"
#include "schemas/delivery.capnp.h"

namespace qnpc::client {

class AuthenticationClient {
 public:
  explicit AuthenticationClient(Connection& connection);
  /// One round trip.
  void ping();
  /// Returns the fingerprint, once the package is durable.
  Bytes upload_key_package(View identity_key, View package);
  /// Takes one KeyPackage; nothing where the identity has none.
  std::optional<Bytes> fetch_key_package(View identity_key);

 private:
  Connection& connection_;
  rpc::AuthenticationService::Client service_;
};

class DeliveryClient final : public DeliveryServer {
 public:
  explicit DeliveryClient(Connection& connection);
  void ping();

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
};

}  // namespace qnpc::client
