// whoami: the identity key that others need to invite us.
#include "client/commands/commands.h"

namespace qnpc::client::commands {

void whoami(Context& context) {
  Session session(context, Session::StateUse::required);
  std::string identity = to_hex(session.messenger().identity_key());
  context.output.line(identity, {{"identity_key", identity}});
}

}  // namespace qnpc::client::commands
