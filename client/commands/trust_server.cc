// trust-server: replaces the keys by which the two addresses are known. The new key is given, so
// that it came from the server's operator and not from whoever answers at the address.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void trust_server(Context& context) {
  const Options& options = context.options;
  std::optional<Bytes> key = from_hex(options.server_key);
  if (!key || key->size() != std::tuple_size_v<noise::PublicKey>) {
    throw Error(Reason::usage,
                "give the new key, as `quicnprotochat-server --print-key` prints it, "
                "with --server-key");
  }
  Session session(context, Session::StateUse::required);
  for (const std::string& address : {options.server, options.ds_server}) {
    std::optional<Bytes> before = session.state().pins.get(address);
    session.state().pins.put(address, *key);
    std::string old = before ? to_hex(*before) : "none";
    context.output.line(address + "\n  before " + old + "\n  now    " + to_hex(*key),
                        {{"address", address}, {"before", old}, {"now", to_hex(*key)}});
  }
}

}  // namespace qnpc::client::commands
