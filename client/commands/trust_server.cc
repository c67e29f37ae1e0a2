// trust-server: replaces the keys by which the two addresses are known, and the suites that are
// spoken with them. The new key is given, so that it came from the server's operator and not from
// whoever answers at the address.
#include <algorithm>

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
  Pin pin{.suite = options.suite};
  std::ranges::copy(*key, pin.key.begin());
  Session session(context, Session::StateUse::required);
  for (const std::string& address : {options.server, options.ds_server}) {
    std::optional<Pin> before = find_pin(session.state(), address);
    put_pin(session.state(), address, pin);
    std::string old = before ? to_hex(before->key) : "none";
    context.output.line(address + "\n  before " + old + "\n  now    " + to_hex(*key),
                        {{"address", address}, {"before", old}, {"now", to_hex(*key)}});
  }
}

}  // namespace qnpc::client::commands
