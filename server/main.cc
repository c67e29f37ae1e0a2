// main: wires everything, in the order in which things can fail: settings, data directory,
// addresses, database, threads. Then it waits for a signal.
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <deque>

#include "qnpc/crypto/system_random.h"
#include "qnpc/qr/qr_code.h"
#include "server/admin_service.h"
#include "server/data_directory.h"
#include "server/log.h"
#include "server/metrics_server.h"
#include "server/metrics_text.h"
#include "server/settings.h"
#include "server/store/sqlite_store.h"
#include "server/worker.h"

namespace qnpc::server {
namespace {

/// The process holds the static key: neither a core file nor another process may read its memory.
void protect_memory() {
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

/// As many file descriptors, and so connections, as the system lets us have.
void raise_file_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

/// Blocked before there are threads, so that all of them inherit it and main alone waits for them.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// Says what happened, why, and what to do, to the person who starts the server.
ExitCode fail(ExitCode code, const std::string& reason) {
  std::fprintf(stderr, "quicnprotochat-server: %s\n", reason.c_str());
  return code;
}

/// The store says that the disk failed. Ends at once: whatever is not acknowledged never will be.
[[noreturn]] void stop_after_disk_error(const Error& error) {
  log::error("disk_failed",
             {{"reason", error.what()}, {"remedy", "check the disk, then start the server again"}});
  std::_Exit(exit_data);
}

void print(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

/// What to give to the people who are to use the server, once it is known where that listens.
void print_address(const Settings& settings, const Address& bound, const noise::PublicKey& key) {
  auto address = public_address(settings.public_address, settings.listen, bound);
  if (!address) {
    log::warn("address_unknown",
              {{"reason", "the server listens on all addresses of this machine, or one of its own"},
               {"remedy", "name the one to give to clients with --public-address HOST[:PORT]"}});
    return;
  }
  address->key = key;
  print("address: " + address->to_text());
  const bool is_terminal = isatty(STDOUT_FILENO) == 1;
  if (!is_terminal && !settings.qr) return;
  const auto colours = is_terminal ? qr::Colours::terminal : qr::Colours::plain;
  std::fputs(qr::qr_code(address->to_text(), colours).c_str(), stdout);
}

/// Null where none is wanted.
kj::AutoCloseFd listen_for_metrics(const std::string& address) {
  if (address.empty()) return {};
  const Address resolved = resolve(address);
  if (!is_loopback(resolved)) {
    throw Error(Reason::usage, "cannot show the metrics on " + address +
                                   ": others than this machine could read them. Choose a loopback "
                                   "address, and a proxy in front of it for others");
  }
  return kj::mv(listen_on(resolved, 1).front());
}

MetricsServer::Pages metrics_pages(const Metrics& metrics, const Admission& admission,
                                   SqliteStore& store) {
  return {[&] {
            return metrics_text(metrics, store.metrics(),
                                {QNPC_VERSION, admission.connections(), admission.handshakes(),
                                 store.queued_writes(), store.queued_reads()});
          },
          [&store] { return store.check_health().ignoreResult(); }};
}

ExitCode serve(const Settings& settings, const noise::StaticKey& static_key) {
  sigset_t stop_signals = block_stop_signals();
  std::vector<kj::AutoCloseFd> authentication;
  std::vector<kj::AutoCloseFd> delivery;
  kj::AutoCloseFd metrics_socket;
  try {
    metrics_socket = listen_for_metrics(settings.metrics);
    authentication = listen_on(resolve(settings.listen), settings.threads);
    delivery = listen_on(resolve(settings.ds_listen), settings.threads);
  } catch (const Error& error) {
    return fail(exit_address, error.what());
  }
  std::unique_ptr<SqliteStore> store;
  try {
    store = std::make_unique<SqliteStore>(database_path(settings.data_dir), settings.store,
                                          stop_after_disk_error);
  } catch (const Error& error) {
    return fail(exit_data, error.what());
  }

  print("server key: " + to_hex(static_key.public_key));
  print("authentication service: " + to_text(local_address(authentication[0])));
  print("delivery service: " + to_text(local_address(delivery[0])));
  print_address(settings, local_address(authentication[0]), static_key.public_key);
  if (metrics_socket != nullptr) print("metrics: " + to_text(local_address(metrics_socket)));
  Metrics metrics;
  Admission admission(settings.admission, metrics);
  MessageMemory memory(settings.message_memory, metrics,
                       settings.access.rate_limits ? limits::message_memory_share : 1);
  Access access(*store, settings.access, metrics);
  const Description description{QNPC_VERSION, port_of(local_address(delivery[0])),
                                settings.require_hybrid};
  Shared shared{{*store, access, description, settings.connection, metrics, memory},
                admission,
                static_key,
                settings.require_hybrid ? noise::Suites{noise::Suite::hybrid} : noise::all_suites};
  std::deque<Worker> workers;
  for (size_t i = 0; i < settings.threads; ++i) {
    workers.emplace_back(shared, Sockets{kj::mv(authentication[i]), kj::mv(delivery[i])});
  }
  std::optional<AdminService> admin;
  try {
    admin.emplace(*store, access, admin_socket_path(settings.data_dir));
  } catch (const Error& error) {
    log::warn("admin_unavailable", {{"reason", error.what()}});
  } catch (const kj::Exception& exception) {
    log::warn("admin_unavailable", {{"reason", exception.getDescription().cStr()}});
  }
  std::optional<MetricsServer> metrics_server;
  if (metrics_socket != nullptr) {
    metrics_server.emplace(metrics_pages(metrics, admission, *store), kj::mv(metrics_socket));
  }
  if (settings.access.open_calls) {
    constexpr const char* meaning = "anybody may empty any inbox and take any KeyPackage";
    print(std::string("open calls: ") + meaning);  // whatever the log's level is
    log::warn("open_calls", {{"meaning", meaning}});
  }
  print("ready");
  log::info("ready",
            {{"version", QNPC_VERSION}, {"threads", static_cast<int64_t>(settings.threads)}});

  int signal = 0;
  sigwait(&stop_signals, &signal);
  log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"},
                         {"connections", static_cast<int64_t>(admission.connections())}});
  for (Worker& worker : workers) worker.stop();
  workers.clear();
  admin.reset();
  metrics_server.reset();
  store.reset();
  log::info("stopped");
  return exit_ok;
}

ExitCode run(int argc, char** argv) {
  auto parsed = parse_settings(argc, argv);
  if (auto code = std::get_if<ExitCode>(&parsed)) return *code;
  const auto& settings = std::get<Settings>(parsed);
  if (settings.admin.action != AdminCommand::Action::none) {
    run_admin_command(settings.admin, admin_socket_path(settings.data_dir));
    return exit_ok;
  }
  check_public_address(settings.public_address);  // before there is anything to clean up
  log::configure(settings.log_level, settings.log_format);
  protect_memory();
  umask(S_IRWXG | S_IRWXO);  // what we make is for our user alone
  raise_file_limit();
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads what we print may leave

  kj::AutoCloseFd lock;
  noise::StaticKey static_key;
  try {
    make_data_directory(settings.data_dir);
    if (!settings.print_key) lock = lock_data_directory(settings.data_dir);
    crypto::SystemRandom random;
    static_key = load_or_create_key(settings.data_dir, random);
  } catch (const Error& error) {
    return fail(exit_data, error.what());
  }
  if (settings.print_key) {
    print(to_hex(static_key.public_key));
    return exit_ok;
  }
  return serve(settings, static_key);
}

}  // namespace
}  // namespace qnpc::server

int main(int argc, char** argv) {
  using namespace qnpc::server;
  try {
    return run(argc, argv);
  } catch (const qnpc::Error& error) {
    return fail(error.reason() == qnpc::Reason::usage ? exit_usage : exit_other, error.what());
  } catch (const std::exception& error) {
    return fail(exit_other, error.what());
  } catch (const kj::Exception& exception) {
    return fail(exit_other, exception.getDescription().cStr());
  }
}
