#include "client/server.h"

namespace qnpc::client {

Server::Server(const Options& options, Network& network, State* state, Output& output,
               Timings& timings)
    : options_(options),
      network_(network),
      state_(state),
      output_(output),
      timings_(timings),
      address_(server_address(options)),
      pinning_(given_key(options.server_key, address_), options.suite, state) {}

// `server`: by which it is pinned.
template <class Client>
std::unique_ptr<Online<Client>> Server::connect(const std::string& address,
                                                const std::string& server) {
  auto online = std::make_unique<Online<Client>>(network_, address, pinning_.check_for(server));
  settle_trust(server, *online);
  return online;
}

template <class Client>
void Server::settle_trust(const std::string& server, Online<Client>& online) {
  const noise::Agreement& agreement = online.connection.agreement();
  online.trust = pinning_.settle(server, online.connection.server_key());
  if (agreement.suite == noise::Suite::classic &&
      contains(agreement.peer_suites, noise::Suite::hybrid)) {
    output_.note("the server at " + server +
                 " also speaks the hybrid handshake, which protects what is recorded today from a "
                 "quantum computer. Leave out --noise classic; if hybrid fails, somebody may stand "
                 "in its way");
  }
  if (online.trust != Trust::first_use) return;
  output_.note("first contact with " + server + ": its key is kept in the state from now on, " +
               to_hex(online.connection.server_key()));
}

Online<AuthenticationClient>& Server::authentication() {
  if (!authentication_) {
    const std::string address = address_.host_and_port();
    authentication_ = connect<AuthenticationClient>(address, address);
    timings_.mark("connect to the authentication service");
  }
  return *authentication_;
}

Online<DeliveryClient>& Server::delivery() {
  if (!delivery_) {
    connect_delivery();
    timings_.mark("connect to the delivery service");
  }
  return *delivery_;
}

void Server::connect_delivery() {
  if (std::optional<rpc::ServerAddress> other = delivery_address(options_)) {
    // It is pinned by itself: its name says nothing of whose it is.
    delivery_ = connect<DeliveryClient>(other->host_and_port(), other->host_and_port());
    return;
  }
  const std::optional<Pin> pin =
      state_ ? find_pin(*state_, address_.host_and_port()) : std::nullopt;
  if (!pin || pin->delivery_port == 0) return connect_at_port(ask_delivery_port());
  try {
    connect_at_port(pin->delivery_port);
  } catch (const Error&) {
    const uint16_t port = ask_delivery_port();  // it may have moved
    if (port == pin->delivery_port) throw;
    connect_at_port(port);
  }
}

void Server::connect_at_port(uint16_t port) {
  rpc::ServerAddress at = address_;
  at.port = port;
  delivery_ = connect<DeliveryClient>(at.host_and_port(), address_.host_and_port());
}

void Server::connect_without_the_state() {
  const std::string server = address_.host_and_port();
  const CheckServerKey check = pinning_.check_for(server);
  std::exception_ptr failure;
  state_->release();
  try {
    authentication_ = std::make_unique<Online<AuthenticationClient>>(network_, server, check);
  } catch (const Error&) {
    failure = std::current_exception();
  }
  state_->reacquire();
  if (failure) std::rethrow_exception(failure);
  settle_trust(server, *authentication_);
}

uint16_t Server::ask_delivery_port() {
  const bool is_connected = authentication_ != nullptr;
  const noise::PublicKey key = authentication().connection.server_key();
  const uint16_t port = authentication_->client.describe().delivery_port;
  // Nothing was asked for there: whoever says nothing more is in the server's way.
  if (!is_connected) authentication_.reset();
  if (port == 0) {
    throw ServerError(Reason::unsupported,
                      "the server at " + address_.host_and_port() +
                          " does not say where its Delivery Service listens. Ask its operator, and "
                          "name it with --ds-server");
  }
  if (state_) note_delivery_port(*state_, address_.host_and_port(), key, port);
  return port;
}

void Server::disconnect() {
  authentication_.reset();
  delivery_.reset();
}

}  // namespace qnpc::client
