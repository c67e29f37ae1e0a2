#include "server/settings.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

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
Standard output gets the server's public key and its addresses, then "ready"; standard error the
log. SIGTERM and SIGINT answer what is in flight and end the server.

Exit codes:
  0  ended by SIGTERM or SIGINT, or there was only something to print
  1  any other failure
  2  a flag or an environment variable that makes no sense
  3  an address that cannot be listened on
  4  the data directory or the database in it cannot be used, or the disk failed)";

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
  app.add_option("--data-dir", settings.data_dir, "Folder of the key and the database")
      ->envname("QUICNPROTOCHAT_DATA_DIR")
      ->type_name("FOLDER")
      ->capture_default_str();
  app.add_option("--threads", settings.threads, "Event loops, each a thread; 0: one for each core")
      ->envname("QUICNPROTOCHAT_THREADS")
      ->type_name("COUNT")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
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
  if (settings.threads == 0) settings.threads = std::max(1u, std::thread::hardware_concurrency());
  return settings;
}

}  // namespace qnpc::server
