#include "server/settings.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "server/settings_limits.h"

namespace qnpc::server {
namespace {

std::string default_data_dir() {
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value ? value : "");
  };
  // A relative path in XDG_DATA_HOME is to be ignored, says the XDG base directory specification.
  std::filesystem::path base = variable("XDG_DATA_HOME");
  if (!base.is_absolute()) base = variable("HOME") / ".local" / "share";
  return (base / "quicnprotochat-server").string();
}

constexpr const char* footer = R"(
Standard output gets the server's public key, where its services listen, and the address to give
to clients, then "ready"; standard error the log. SIGTERM and SIGINT answer what is in flight and
end the server.

Exit codes:
  0  ended by SIGTERM or SIGINT, or there was only something to print
  1  any other failure; for admin also: no server runs, or it refused
  2  a flag or an environment variable that makes no sense
  3  an address that cannot be listened on
  4  the data directory or the database in it cannot be used, or the disk failed)";

/// Who may do what.
void declare_access(CLI::App& app, AccessPolicy& access) {
  const std::map<std::string, Registration> registrations{{"open", Registration::open},
                                                          {"invitation", Registration::invitation},
                                                          {"closed", Registration::closed}};
  app.add_option_function<std::string>(
         "--registration",
         [&access, registrations](const std::string& name) {
           access.registration = registrations.at(name);
         },
         "Whom the server admits: everybody (open), those with an invitation, or only those who "
         "were added (closed); see `admin` (default open)")
      ->envname("QUICNPROTOCHAT_REGISTRATION")
      ->type_name("POLICY")
      ->check(CLI::IsMember({"open", "invitation", "closed"}));
  app.add_flag("--open", access.open_calls,
               "Answer also the calls that need no login: anybody may then empty any inbox")
      ->envname("QUICNPROTOCHAT_OPEN");
  app.add_flag_callback(
         "--no-rate-limits", [&access] { access.rate_limits = false; },
         "Count nothing by address and identity, for instance where all come through one proxy")
      ->envname("QUICNPROTOCHAT_NO_RATE_LIMITS");
}

/// `admin ...`: what to ask the running server.
void declare_admin(CLI::App& app, AdminCommand& command) {
  using Action = AdminCommand::Action;
  CLI::App* admin = app.add_subcommand(
      "admin", "Ask the server that runs on the same data directory: whom it admits");
  admin->require_subcommand(1);
  admin->fallthrough();
  auto add = [&](const char* name, const char* about, Action action) {
    CLI::App* sub = admin->add_subcommand(name, about);
    sub->fallthrough();
    sub->add_flag("--json", command.json, "One JSON object a line");
    sub->callback([&command, action] { command.action = action; });
    return sub;
  };
  CLI::App* invite =
      add("invite", "Print a new invitation, for `register --invitation-file`", Action::invite);
  invite->add_option("--uses", command.uses, "How many identities it admits")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  invite->add_option("--days", command.days, "How long it is good for")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  add("invitations", "List the invitations", Action::invitations);
  auto long_enough = [](const std::string& beginning) {
    return beginning.size() < 8 ? std::string("write at least 8 digits of it") : std::string();
  };
  add("revoke", "End an invitation; whom it let in stays", Action::revoke)
      ->add_option("id", command.argument, "The beginning of its id, as `invitations` lists it")
      ->required()
      ->check(long_enough);
  add("add", "Admit an identity", Action::add)
      ->add_option("identity-key", command.argument, "64 hex digits")
      ->required();
  add("remove", "Admit it no longer, whatever the policy is, and end its connections",
      Action::remove)
      ->add_option("identity-key", command.argument,
                   "64 hex digits, or the beginning of it, as `members` lists it")
      ->required()
      ->check(long_enough);
  add("members", "List who is admitted: added, invited, or on an open server whoever has logged in",
      Action::members);
}

void declare(CLI::App& app, Settings& settings) {
  app.set_version_flag("--version", "quicnprotochat-server " QNPC_VERSION);
  app.add_option("--listen", settings.listen, "Address of the Authentication Service; port 0: any")
      ->envname("QUICNPROTOCHAT_LISTEN")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--ds-listen", settings.ds_listen, "Address of the Delivery Service; port 0: any")
      ->envname("QUICNPROTOCHAT_DS_LISTEN")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("--public-address", settings.public_address,
                 "Where clients reach the server, for the address that it prints; default: where "
                 "it listens")
      ->envname("QUICNPROTOCHAT_PUBLIC_ADDRESS")
      ->type_name("HOST[:PORT]");
  app.add_flag("--qr", settings.qr,
               "Print the address as a QR code also where standard output is no terminal")
      ->envname("QUICNPROTOCHAT_QR");
  app.add_option("--data-dir", settings.data_dir, "Folder of the key and the database")
      ->envname("QUICNPROTOCHAT_DATA_DIR")
      ->type_name("FOLDER")
      ->capture_default_str();
  app.add_option("--threads", settings.threads, "Event loops, each a thread; 0: one for each core")
      ->envname("QUICNPROTOCHAT_THREADS")
      ->type_name("COUNT")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  app.add_flag("--require-hybrid", settings.require_hybrid,
               "Refuse the classic handshake, which a quantum computer could break later")
      ->envname("QUICNPROTOCHAT_REQUIRE_HYBRID");
  declare_access(app, settings.access);
  declare_limits(app, settings);
  app.add_option("--metrics", settings.metrics,
                 "Loopback address of /metrics, for Prometheus, and /healthz; port 0: any")
      ->envname("QUICNPROTOCHAT_METRICS")
      ->type_name("HOST:PORT");
  app.add_option("--log-level", settings.log_level, "The least that is logged")
      ->envname("QUICNPROTOCHAT_LOG_LEVEL")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "critical", "off"}))
      ->capture_default_str();
  app.add_option("--log-format", settings.log_format, "text, or json: an object a line")
      ->envname("QUICNPROTOCHAT_LOG_FORMAT")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_flag("--print-key", settings.print_key,
               "Print the server's public key in hexadecimal and exit")
      ->envname("QUICNPROTOCHAT_PRINT_KEY");
  declare_admin(app, settings.admin);
  app.footer(footer);
}

}  // namespace

std::variant<Settings, ExitCode> parse_settings(int argc, const char* const* argv) {
  Settings settings;
  settings.data_dir = default_data_dir();
  CLI::App app(
      "The quicnprotochat server: keeps KeyPackages and encrypted messages that it can "
      "not read.",
      "quicnprotochat-server");
  declare(app, settings);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  settings.admission.by_address = settings.access.rate_limits;
  if (settings.threads == 0) settings.threads = std::max(1u, std::thread::hardware_concurrency());
  return settings;
}

}  // namespace qnpc::server
