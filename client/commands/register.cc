// register: the identity in the state (made where there is none), an inbox that others can deliver
// into, and KeyPackages at the server to invite it with: of each suite one more than there were,
// and as many as asked for. The private keys stay in the state for `join`.
#include "client/commands/commands.h"
#include "qnpc/crypto/x509.h"

namespace qnpc::client::commands {

void register_identity(Context& context) {
  const std::string& certificates = context.options.certificate_file;
  std::vector<Bytes> chain;
  if (!certificates.empty()) chain = read_certificates(certificates);
  Session session(context, Session::StateUse::created_if_missing);
  if (!chain.empty()) {
    try {
      session.messenger().certify(chain);
    } catch (const crypto::ChainRefused& refused) {
      throw Error(Reason::usage,
                  "the certificate in " + certificates + " is not for your identity key (" +
                      refused.what() +
                      "). With the key that it is for, give --key and a new --state");
    }
  }
  std::string fingerprint = to_hex(session.register_identity(context.options.key_packages));
  std::string identity = to_hex(session.messenger().identity_key());
  context.output.line("identity key " + identity + "\nfingerprint  " + fingerprint,
                      {{"identity_key", identity}, {"fingerprint", fingerprint}});
}

}  // namespace qnpc::client::commands
