// ping: whether both services answer, how fast, as whom, and over which handshake.
#include "client/commands/commands.h"

namespace qnpc::client::commands {
namespace {

template <class Service>
void ping_one(Context& context, const char* service, Online<Service>& online) {
  const std::string& address = online.connection.address();
  auto start = std::chrono::steady_clock::now();
  online.client.ping();
  std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  ServerFacts server = online.client.describe();
  std::string key = to_hex(online.connection.server_key());
  std::string suite(name(online.connection.agreement().suite));
  char milliseconds[32];
  std::snprintf(milliseconds, sizeof milliseconds, "%.2f ms", time.count());
  context.output.line(
      std::string(service) + " service at " + address + ": " + milliseconds + "\n  server key " +
          key + " (" + std::string(name(online.trust)) + ")" + "\n  handshake " + suite +
          (server.requires_hybrid ? " (the server takes no other)" : "") + ", version " +
          server.version + " (this program's: " + QNPC_VERSION + "), registration " +
          server.registration + (server.open_calls ? ", answers calls without a login" : ""),
      {{"service", service},
       {"address", address},
       {"milliseconds", time.count()},
       {"server_key", key},
       {"trust", name(online.trust)},
       {"noise", suite},
       {"requires_hybrid", server.requires_hybrid},
       {"version", server.version},
       {"client_version", QNPC_VERSION},
       {"registration", server.registration},
       {"open_calls", server.open_calls}});
}

}  // namespace

void ping(Context& context) {
  Session session(context, Session::StateUse::if_there);
  ping_one(context, "authentication", session.authentication());
  ping_one(context, "delivery", session.delivery());
}

}  // namespace qnpc::client::commands
