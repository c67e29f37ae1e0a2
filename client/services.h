// services: the two services as plain calls. Each throws ServerError as the server answered it.
#pragma once

#include <optional>
#include <vector>

#include "client/connection.h"
#include "client/state/tables.h"
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

struct InboxEntry {
  uint64_t sequence = 0;
  Bytes payload;
};

struct InboxPage {
  std::vector<InboxEntry> entries;
  bool more = false;
};

class DeliveryClient {
 public:
  explicit DeliveryClient(Connection& connection);
  void ping();
  /// Delivers one payload to several inboxes, many at a time. The result has one element for each
  /// delivery: nothing, or why the server refused it. Throws where the server cannot be heard.
  std::vector<std::optional<ServerError>> enqueue(View payload,
                                                  const std::vector<Delivery>& deliveries);
  InboxPage read(View recipient_key, uint64_t after);
  void acknowledge(View recipient_key, uint64_t through);

  const noise::PublicKey& server_key() const { return connection_.server_key(); }

 private:
  Connection& connection_;
  rpc::DeliveryService::Client service_;
};

}  // namespace qnpc::client
