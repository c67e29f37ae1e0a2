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
  // Where the key was given before, in the place of another one.
  if (find_pin(session.state(), to_hex(*key))) addresses.push_back(to_hex(*key));
  for (const std::string& address : addresses) {
    std::optional<Pin> before = find_pin(session.state(), address);
    put_pin(session.state(), address, pin);
    const std::string old = before ? to_hex(before->key) : "none";
    const std::string_view suite_before = before ? name(before->suite) : "none";
    context.output.line(address + "\n  before " + old + " (" + std::string(suite_before) +
                            ")\n  now    " + to_hex(*key) + " (" + std::string(name(pin.suite)) +
                            ")",
                        {{"address", address},
                         {"before", old},
                         {"noise_before", suite_before},
                         {"now", to_hex(*key)},
                         {"noise", name(pin.suite)}});
  }
}

}  // namespace qnpc::client::commands
