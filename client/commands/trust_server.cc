// trust-server: replaces the key by which the server's address is known, and the suite that is
// spoken with it. The new key is given, so that it came from the server's operator and not from
// whoever answers at the address.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void trust_server(Context& context) {
  const Options& options = context.options;
  const rpc::ServerAddress server = server_address(options);
  const std::optional<rpc::ServerAddress> delivery = delivery_address(options);
  const std::optional<noise::PublicKey> key = given_key(options.server_key, server);
  if (!key) {
    throw Error(Reason::usage,
                "give the new key: in the address, with --server qnpc://HOST:PORT/KEY, or with "
                "--server-key as `quicnprotochat-server --print-key` prints it");
  }
  const Pin pin{.key = *key, .suite = options.suite};
  Session session(context, Session::StateUse::required);
  std::vector<std::string> addresses = {server.host_and_port()};
  if (delivery) addresses.push_back(delivery->host_and_port());
  for (const std::string& address : addresses) {
    std::optional<Pin> before = find_pin(session.state(), address);
    put_pin(session.state(), address, pin);
    std::string old = before ? to_hex(before->key) : "none";
    context.output.line(address + "\n  before " + old + "\n  now    " + to_hex(*key),
                        {{"address", address}, {"before", old}, {"now", to_hex(*key)}});
  }
}

}  // namespace qnpc::client::commands
