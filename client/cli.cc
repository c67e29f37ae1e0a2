#include "client/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "client/commands/commands.h"
#include "client/terminal.h"
#include "qnpc/crypto/system_random.h"

namespace qnpc::client {
namespace {

constexpr const char* footer = R"(Exit codes:
  0 done                      5 nothing there: no KeyPackage, invitation, group
  1 anything else             6 a local file: the state, its key, input, output
  2 usage                     7 refused: a quota, a limit, you are out
  3 the server is out of      8 cryptography or MLS rejected what came from
    reach                       another
  4 the server is not the expected one

First steps:
  quicnprotochat-client register                       prints your identity key
  quicnprotochat-client create-group --group-id friends
  quicnprotochat-client contacts add bob THEIR_KEY     they run register before, join after
  quicnprotochat-client invite --peer-key bob
  quicnprotochat-client send --msg 'Hello'
  quicnprotochat-client recv --follow)";

constexpr const char* whose =
    "A contact's name, the beginning of one that is known, or an identity key, 64 hex digits";
constexpr const char* which = "Which group; may be left out where there is only one";

using Command = void (*)(Context&);

class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.footer(footer);
    app_.set_version_flag("--version", QNPC_VERSION);
    add_global_options();
    add_commands();
  }

  void parse(int argc, char** argv) { app_.parse(argc, argv); }
  int help_or_usage(const CLI::ParseError& e) const { return app_.exit(e); }
  const Options& options() const { return options_; }
  Command command() const { return command_; }

 private:
  void add_global_options() {
    options_.state = default_state_path();
    app_.add_option("--server", options_.server,
                    "The server's address, as it prints it: qnpc://HOST:PORT/KEY, or HOST:PORT")
        ->envname("QUICNPROTOCHAT_SERVER")
        ->capture_default_str();
    app_.add_option("--ds-server", options_.ds_server,
                    "Its Delivery Service, HOST:PORT; default: where the server says")
        ->envname("QUICNPROTOCHAT_DS_SERVER");
    app_.add_option("--server-key", options_.server_key,
                    "The server's key, 64 hex digits; default: that of the address, else as "
                    "pinned, or trusted on first use");
    app_.add_option_function<std::string>(
            "--noise",
            [this](const std::string& suite) {
              options_.suite = suite == name(noise::Suite::hybrid) ? noise::Suite::hybrid
                                                                   : noise::Suite::classic;
            },
            "Handshake with the server: hybrid (X25519 and ML-KEM-768, the default) or classic")
        ->envname("QUICNPROTOCHAT_NOISE")
        ->type_name("SUITE")
        ->check(CLI::IsMember({"classic", "hybrid"}));
    app_.add_option("--state", options_.state, "File that holds your identity, groups and history")
        ->envname("QUICNPROTOCHAT_STATE")
        ->capture_default_str();
    app_.add_option("--key-file", options_.keys.key_file,
                    "File with the key of the state; default: the state's path and .key");
    app_.add_option("--passphrase-file", options_.keys.passphrase_file,
                    "File whose first line is the passphrase of the state")
        ->envname("QUICNPROTOCHAT_PASSPHRASE_FILE");
    app_.add_flag("--ask-passphrase", options_.keys.ask_passphrase,
                  "Protect a new state with a passphrase that you type, instead of a key file");
    app_.add_flag("--json", options_.json, "One JSON object a line, errors too");
    app_.add_flag("--timings", options_.timings, "Print how long each phase took, on stderr");
    add_refresh_options();
    options_.keys.prompt = ask_passphrase;
  }

  void add_refresh_options() {
    app_.add_option_function<unsigned>(
            "--refresh-hours",
            [this](unsigned hours) { options_.refresh.after = std::chrono::hours(hours); },
            "Make your keys in a group new after so many hours; default: 168")
        ->envname("QUICNPROTOCHAT_REFRESH_HOURS")
        ->check(CLI::PositiveNumber);
    app_.add_option("--refresh-messages", options_.refresh.messages,
                    "The same after so many messages of yours")
        ->envname("QUICNPROTOCHAT_REFRESH_MESSAGES")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
  }

  CLI::App* add(const char* name, const char* about, Command chosen) {
    return add_below(app_, name, about, chosen);
  }
  CLI::App* add_below(CLI::App& above, const char* name, const char* about, Command chosen) {
    CLI::App* sub = above.add_subcommand(name, about);
    sub->fallthrough();
    sub->callback([this, chosen] { command_ = chosen; });
    return sub;
  }
  void suite_of(CLI::App* sub, const char* about) {
    sub->add_option_function<std::string>(
           "--suite",
           [this](const std::string& text) { options_.group_suite = group::suite_named(text); },
           about)
        ->type_name("SUITE")
        ->check(CLI::IsMember({"x25519", "xwing"}));
  }
  // One person, where no option has to be named.
  void who_of(CLI::App* sub) {
    sub->add_option_function<std::string>(
           "who", [this](const std::string& word) { options_.peers = {word}; }, whose)
        ->required();
  }
  void group_of(CLI::App* sub, const char* about) {
    sub->add_option("--group-id", options_.group, about);
  }

  void add_register(const char* name, const char* about) {
    CLI::App* sub = add(name, about, commands::register_identity);
    sub->add_option("--count", options_.key_packages,
                    "KeyPackages of each suite to leave at the server, each for one invitation; " +
                        std::to_string(limits::key_package_stock) + " at least")
        ->check(CLI::Range(1, 500))
        ->capture_default_str();
    sub->add_option("--invitation-file", options_.invitation_file,
                    "File with the invitation of a server that asks for one")
        ->envname("QUICNPROTOCHAT_INVITATION_FILE");
    sub->add_option("--cert", options_.certificate_file,
                    "File with your certificate and those above it, PEM, to show to groups that "
                    "ask for one");
    sub->add_option("--key", options_.certificate_key_file,
                    "File with its Ed25519 key, PEM: becomes the identity of a new state");
  }

  void add_commands() {
    add("ping", "Ask both services whether they answer", commands::ping);
    add_register("register", "Make your identity, so that others can invite you");
    add_register("register-state", "The same as register");
    add("whoami", "Print your identity key", commands::whoami);
    CLI::App* fetch = add("fetch-key", "Take one KeyPackage of somebody", commands::fetch_key);
    who_of(fetch);
    suite_of(fetch, "Cipher suite of the groups that it is for: x25519 (the default) or xwing");
    add("demo-group", "Three members in one process talk through the server", commands::demo_group);
    CLI::App* create = add("create-group", "Start a group", commands::create_group);
    group_of(create, "What the group is called");
    suite_of(create,
             "Its cipher suite: xwing (X25519 and ML-KEM-768, the default), or x25519, which older "
             "programs can join");
    create->add_option("--ca", options_.ca_file,
                       "Only for members with a certificate of this CA, a PEM file");
    add_changes();
    CLI::App* join = add("join", "Accept the invitations that wait", commands::join);
    group_of(join, "What to call the group here; default: as the others do");
    join->add_option("--ca", options_.ca_file,
                     "Only where all members have a certificate of this CA, a PEM file");
    add_send();
    add_recv();
    add("groups", "List your groups and their members", commands::groups);
    CLI::App* members = add("members", "List who is in a group", commands::members);
    group_of(members, which);
    add("sync", "Send what waits and take in what came, without showing it", commands::sync);
    add_people();
    add_verify();
    add("trust-server", "Accept a server's new key, given with --server-key",
        commands::trust_server);
  }

  // What changes a group for all of its members.
  void add_changes() {
    CLI::App* invite = add("invite", "Add people to a group", commands::invite);
    group_of(invite, which);
    invite->add_option("--peer-key", options_.peers, whose)->required();
    CLI::App* remove = add("remove", "Take people out of a group", commands::remove);
    group_of(remove, which);
    remove->add_option("--peer-key", options_.peers, whose)->required();
    CLI::App* leave = add("leave", "Ask the others to take you out of a group", commands::leave);
    group_of(leave, which);
    CLI::App* update = add("update", "Make your keys in a group new", commands::update);
    group_of(update, which);
    CLI::App* rejoin =
        add("rejoin", "Come back to a group after too long an absence", commands::rejoin);
    group_of(rejoin, which);
    CLI::App* rename = add("rename", "Call a group something else", commands::rename);
    group_of(rename, which);
    rename->add_option("--name", options_.name, "The new name")->required();
    rename->add_flag("--for-everybody", options_.for_everybody,
                     "Tell the others; they keep what they call it themselves");
  }

  void add_people() {
    CLI::App* contacts = app_.add_subcommand("contacts", "Names for people, which stay here");
    contacts->require_subcommand(1);
    contacts->fallthrough();
    auto name = [&](CLI::App* sub, const char* about) {
      sub->add_option("name", options_.name, about)->required();
    };
    CLI::App* add = add_below(*contacts, "add", "Give somebody a name", commands::contacts_add);
    name(add, "What to call them");
    who_of(add);
    add_below(*contacts, "list", "List the contacts", commands::contacts_list);
    CLI::App* rename =
        add_below(*contacts, "rename", "Call a contact something else", commands::contacts_rename);
    who_of(rename);
    name(rename, "The new name");
    CLI::App* replace =
        add_below(*contacts, "replace", "Give a contact another key", commands::contacts_replace);
    name(replace, "Which contact");
    who_of(replace);
    who_of(add_below(*contacts, "block", "Show nothing of theirs, and renew your inbox's token",
                     commands::contacts_block));
    who_of(add_below(*contacts, "unblock", "The contrary", commands::contacts_unblock));
    who_of(add_below(*contacts, "remove", "Forget a contact's name", commands::contacts_remove));
  }

  void add_verify() {
    CLI::App* verify =
        add("verify", "Show the safety number with a contact, to be compared", commands::verify);
    who_of(verify);
    CLI::Option* confirm =
        verify->add_flag("--confirm", options_.confirm, "You have compared it: the key is theirs");
    CLI::Option* number = verify->add_option("--number", options_.safety_number,
                                             "Compare it with this one, which they see; 60 digits");
    CLI::Option* reset =
        verify->add_flag("--reset", options_.reset, "Go on with a key that is not verified");
    confirm->excludes(number)->excludes(reset);
    number->excludes(reset);
    verify->add_flag("--qr", options_.qr, "As a QR code also where standard output is no terminal");
  }

  void add_send() {
    CLI::App* send = add("send", "Send a message to everybody in a group", commands::send);
    group_of(send, which);
    send->add_option("--msg", options_.message, "The text; - or nothing: standard input");
    send->add_option("--peer-key", options_.peers, "Send only if this member is in the group");
  }

  void add_recv() {
    CLI::App* recv = add("recv", "Print the messages that are new", commands::receive);
    group_of(recv, "Only this group");
    recv->add_flag("--follow", options_.follow, "Go on until interrupted");
    recv->add_option_function<unsigned>(
        "--wait-ms", [this](unsigned ms) { options_.wait = std::chrono::milliseconds(ms); },
        "Wait so long for something new");
    recv->add_flag("--all", options_.all, "The whole history, your own messages too");
  }

  CLI::App app_{"quicnprotochat-client: end-to-end encrypted group conversations"};
  Options options_;
  Command command_ = nullptr;
};

uint64_t wall_clock() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

void run(const CommandLine& command_line, Output& output) {
  crypto::SystemRandom random;
  Clock clock = wall_clock;
  Timings timings;
  Context context{command_line.options(), output, random, clock, timings};
  command_line.command()(context);
  output.flush();
  timings.mark("close");
  if (command_line.options().timings) output.timings(timings);
}

}  // namespace

ExitCode run_command_line(int argc, char** argv) {
  // Known before the rest is parsed, so that errors of usage are in JSON as well.
  bool json = std::any_of(argv, argv + argc,
                          [](const char* word) { return std::string_view(word) == "--json"; });
  Output output(stdout, stderr, json);
  try {
    CommandLine command_line;
    try {
      command_line.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
      if (e.get_exit_code() == 0 || !json) {
        return command_line.help_or_usage(e) == 0 ? ExitCode::ok : ExitCode::usage;
      }
      throw Error(Reason::usage, e.what());
    }
    run(command_line, output);
    return ExitCode::ok;
  } catch (const Error& e) {
    output.error(e);
    return exit_code_of(e);
  } catch (const kj::Exception& e) {
    output.error(Error(Reason::internal, e.getDescription().cStr()));
  } catch (const std::exception& e) {
    output.error(Error(Reason::internal, e.what()));
  }
  return ExitCode::failure;
}

}  // namespace qnpc::client
