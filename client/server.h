// server: the one server that a command talks to, docs/addresses.md: its two services, each
// connected to when it is first asked for. Both show the same key.
#pragma once

#include <memory>

#include "client/options.h"
#include "client/pinning.h"
#include "client/services.h"
#include "client/timings.h"
#include "schemas/server_address.h"

namespace qnpc::client {

/// A service with its connection.
template <class Client>
struct Online {
  Online(Network& network, const std::string& address, const CheckServerKey& check)
      : connection(network, address, check), client(connection) {}

  Connection connection;
  Client client;
  Trust trust = Trust::unchecked;
};

class Server {
 public:
  /// All outlive the server; `state` may be null. Throws Reason::usage for what makes no address.
  Server(const Options& options, Network& network, State* state, Output& output, Timings& timings);

  Online<AuthenticationClient>& authentication();
  /// Where it listens, the server says; it is asked once and, where there is a state, again when
  /// nobody answers there. What the options name goes before.
  Online<DeliveryClient>& delivery();
  /// Connects to the Authentication Service while other processes may use the state.
  void connect_without_the_state();
  void disconnect_authentication() { authentication_.reset(); }
  void disconnect();

 private:
  template <class Client>
  std::unique_ptr<Online<Client>> connect(const std::string& address, const std::string& server);
  void connect_delivery();
  void connect_at_port(uint16_t port);
  uint16_t ask_delivery_port();
  template <class Client>
  void settle_trust(const std::string& server, Online<Client>& online);

  const Options& options_;
  Network& network_;
  State* state_;
  Output& output_;
  Timings& timings_;
  const rpc::ServerAddress address_;
  const Pinning pinning_;
  std::unique_ptr<Online<AuthenticationClient>> authentication_;
  std::unique_ptr<Online<DeliveryClient>> delivery_;
};

}  // namespace qnpc::client
