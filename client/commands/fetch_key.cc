// fetch-key: takes one KeyPackage of somebody and shows it. It is used up by that.
#include "client/commands/commands.h"
#include "qnpc/crypto/hash.h"

namespace qnpc::client::commands {

void fetch_key(Context& context) {
  Session session(context, Session::StateUse::if_there);
  const Bytes identity = identity_key(session, context.options.peers.at(0));
  const group::Suite suite = context.options.group_suite.value_or(group::Suite::x25519);
  Bytes package = session.fetch_key_package(identity, suite);
  std::string fingerprint = to_hex(crypto::digest(crypto::Hash::sha256, package));
  context.output.line("identity key " + to_hex(identity) + "\nsuite        " +
                          std::string(name(suite)) + "\nfingerprint  " + fingerprint +
                          "\nsize         " + std::to_string(package.size()) + " bytes",
                      {{"identity_key", to_hex(identity)},
                       {"suite", name(suite)},
                       {"fingerprint", fingerprint},
                       {"size", package.size()},
                       {"key_package", to_hex(package)}});
}

}  // namespace qnpc::client::commands
