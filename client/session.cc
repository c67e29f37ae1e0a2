#include "client/session.h"

#include <algorithm>
#include <set>
#include <utility>

#include "client/limits.h"
#include "client/state/file.h"
#include "qnpc/crypto/pem.h"

namespace qnpc::client {
namespace {

constexpr size_t invitation_size = 32;
constexpr size_t inbox_token_size = 32;

// Of the identity that a certificate is for.
std::optional<Secret> given_seed(const Options& options) {
  const std::string& path = options.certificate_key_file;
  if (path.empty()) return std::nullopt;
  const std::optional<Secret> text = read_private_file(path, limits::certificate_file_bytes);
  if (!text) throw Error(Reason::io, "the key file " + path + " does not exist");
  try {
    return crypto::ed25519_key_from_pem(text->reveal());
  } catch (const Error& e) {
    throw Error(Reason::usage, "the key file " + path + ": " + e.what());
  }
}

std::unique_ptr<State> open_state(Context& context, Session::StateUse use) {
  const Options& options = context.options;
  if (use == Session::StateUse::if_there && !exists(options.state)) return nullptr;
  auto mode = use == Session::StateUse::created_if_missing ? State::Mode::create_if_missing
                                                           : State::Mode::must_exist;
  const std::optional<Secret> seed = given_seed(options);
  std::unique_ptr<State> state =
      State::open(options.state, mode, options.keys, context.random, seed);
  if (seed && !(state->identity_seed() == *seed)) {
    throw Error(Reason::usage, "the state " + options.state +
                                   " has another identity than that key, and it cannot be changed. "
                                   "Name another file with --state");
  }
  return state;
}

// What the server said of the group's log, and what to do about it where no later try will help.
ServerError with_remedy(const ServerError& refusal, const Group& group) {
  if (refusal.reason() != Reason::not_found) return refusal;
  return ServerError(
      refusal.reason(),
      group.alias +
          ": the server does not know this group. If it was restored from an older "
          "backup, the group is lost for all members: start a new group with "
          "`create-group` and invite them again. Else see whether --server names the one "
          "that the group was made at");
}

// What fails once it was asked for: it is in the state by then. Some of it says so already.
ServerError while_it_waits(const ServerError& error) {
  std::string text = error.what();
  if (!may_pass(error) || text.find("kept in the state") != std::string::npos) return error;
  return ServerError(error.reason(), text +
                                         ". What you asked for is kept in the state and goes on "
                                         "with the next command; do not send it again");
}

}  // namespace

Session::Session(Context& context, StateUse use)
    : context_(context),
      state_(open_state(context, use)),
      network_(context.output, context.random, context.options.suite),
      server_(context.options, network_, state_.get(), context.output, context.timings) {
  if (state_) {
    messenger_ = std::make_unique<Messenger>(*state_, context.random, context.clock);
    messenger_->set_refresh_policy(context.options.refresh);
  }
  context_.timings.mark("open the state");
}

// A secret, so that it is in a file and not among the arguments.
Secret Session::invitation() const {
  const std::string& path = context_.options.invitation_file;
  if (path.empty()) return {};
  std::optional<Secret> text = read_file(path, limits::invitation_file_bytes);
  if (!text) throw Error(Reason::io, "the invitation file " + path + " does not exist");
  const View content = text->reveal();
  std::string_view line(reinterpret_cast<const char*>(content.data()), content.size());
  std::optional<Bytes> digits = from_hex(line.substr(0, line.find_first_of("\r\n")));
  if (!digits || digits->size() != invitation_size) {
    throw Error(Reason::usage, "the invitation file " + path +
                                   " does not hold an invitation: 64 hexadecimal digits, as the "
                                   "server's `admin invite` prints them");
  }
  Secret invitation = Secret::copy_of(*digits);
  wipe(*digits);
  return invitation;
}

const group::Identity& Session::identity() {
  if (messenger_) return messenger_->identity();
  if (!visitor_) visitor_ = group::Identity::generate(context_.random);
  return *visitor_;
}

AuthenticationClient& Session::account() {
  AuthenticationClient& client = authentication().client;
  if (!std::exchange(in_account_, true)) client.log_in(identity(), invitation());
  return client;
}

DeliveryClient& Session::inbox() {
  DeliveryClient& client = delivery().client;
  if (!std::exchange(in_inbox_, true)) client.log_in(identity());
  if (state_ && state_->inbox_token_waits()) {
    client.set_inbox_token(identity());
    messenger_->inbox_token_is_set();
  }
  return client;
}

void Session::disconnect() {
  doorbell_.reset();
  server_.disconnect();
  in_account_ = in_inbox_ = false;
}

void Session::synchronise() {
  DeliveryServer& server = inbox();
  note_all(finish_changes());
  const std::set<GroupRef> read = read_logs_and_inbox(
      *messenger_, *state_, server, [this](const Group& group) { return synchronise(group); });
  context_.timings.mark("read the inbox");
  for (const Group& group : state_->groups.list()) {
    const bool is_new = !read.contains(group.ref) || !state_->appends.of(group.ref).empty() ||
                        !state_->intents.of(group.ref).empty();
    if (is_new) synchronise(group);
  }
}

bool Session::synchronise(const Group& group, bool speaking) {
  auto refusal = synchronise_log(*messenger_, *state_, inbox(), group.ref, speaking);
  const std::string text = refusal ? with_remedy(*refusal, group).what() : "";
  const std::string told = std::exchange(refused_[group.ref], text);
  if (refusal && text != told) context_.output.note(text);
  note_all(finish_changes());
  context_.timings.mark("read the log");
  return !refusal;
}

void Session::settle(const Group& group) { note_all(bring_into_log(group)); }

std::vector<GivenUp> Session::bring_into_log(const Group& group) {
  std::optional<ServerError> refusal;
  try {
    refusal = synchronise_log(*messenger_, *state_, inbox(), group.ref, false);
  } catch (const ServerError& e) {
    throw while_it_waits(e);
  }
  std::vector<GivenUp> given_up = finish_changes();
  context_.timings.mark("deliver");
  if (!refusal) return given_up;
  note_all(given_up);
  throw while_it_waits(with_remedy(*refusal, group));
}

void Session::change(const Group& group, Intent intent) {
  const std::vector<Bytes> added = identities_of(intent.add);
  const int64_t id = messenger_->want(group, std::move(intent));
  std::vector<GivenUp> given_up = bring_into_log(group);
  // What else was in the outbox is no failure of this change.
  auto ours = std::ranges::find_if(
      given_up, [&](const GivenUp& one) { return contains(added, one.recipient); });
  if (messenger_->is_fulfilled(id) && ours != given_up.end()) {
    const ServerError refusal = std::move(ours->refusal);
    given_up.erase(ours);
    note_all(given_up);
    throw refusal;
  }
  note_all(given_up);
  if (messenger_->is_fulfilled(id)) return;
  if (!messenger_->in_group(group.ref)) {
    throw Error(Reason::conflict,
                "you are no longer a member of " + group.alias + ": the change was not made");
  }
  require_not_behind(group);
  const bool waits = std::ranges::count(state_->intents.of(group.ref), id, &Intent::id) != 0;
  if (!waits) {
    throw Error(messenger_->was_always_too_late(id) ? Reason::conflict : Reason::rejected,
                "the change of " + group.alias + " was not made");
  }
  throw Error(Reason::conflict, "the change of " + group.alias +
                                    " is not in force yet. It is kept in the state and goes on "
                                    "with the next command");
}

void Session::require_not_behind(const Group& group) {
  if (!state_->groups.find(group.ref)->is_behind) return;
  throw Error(Reason::conflict, "a change of " + group.alias +
                                    " is missing: what you said or wanted waits. Run `rejoin`");
}

void Session::say(const Group& group, const Content& content) {
  settle(group);
  if (messenger_->is_delivered(content.id)) return;
  if (!messenger_->in_group(group.ref)) {
    throw Error(Reason::conflict,
                "you are no longer a member of " + group.alias + ": the message was not sent");
  }
  require_not_behind(group);
  const bool waits = std::ranges::any_of(state_->appends.of(group.ref), [&](const Append& append) {
    return append.kind == Append::Kind::message &&
           decode_content(append.content.reveal()).id == content.id;
  });
  if (!waits) throw Error(Reason::rejected, "the message to " + group.alias + " was not sent");
  throw Error(Reason::conflict, "the message to " + group.alias +
                                    " is not sent yet. It is kept in the state and goes on with "
                                    "the next command; do not send it again");
}

void Session::subscribe() {
  DeliveryClient& server = inbox();
  if (!doorbell_) doorbell_ = std::make_unique<Doorbell>(network_, server);
  doorbell_->watch_inbox(messenger_->identity_key(), state_->inbox.cursor(server.server_key()));
  for (const Group& group : state_->groups.list()) {
    if (!messenger_->in_group(group.ref)) continue;
    const bool has_log = std::ranges::none_of(state_->appends.of(group.ref), [](const Append& a) {
      return a.kind == Append::Kind::create;
    });
    if (!has_log) continue;
    doorbell_->watch_log(messenger_->log_id(group.ref), messenger_->append_token(group.ref),
                         group.cursor);
  }
}

void Session::wait_for_news(std::chrono::milliseconds longest) {
  const bool is_pushed = doorbell_ && doorbell_->is_complete();
  const std::chrono::milliseconds most = is_pushed ? limits::look_again : limits::poll_interval;
  if (doorbell_) {
    doorbell_->wait(std::min(most, longest));
  } else {
    network_.sleep(std::min(most, longest));
  }
}

void Session::deliver() {
  const Refusals refusals = deliver_outbox(*messenger_, *state_, inbox());
  note_all(refusals.final);
  if (refusals.waits) throw *refusals.waits;
}

// Invitations go out once the commit is in force.
std::vector<GivenUp> Session::finish_changes() {
  for (const std::string& text : messenger_->take_notes()) context_.output.note(text);
  Refusals refusals = deliver_outbox(*messenger_, *state_, inbox());
  if (refusals.waits) context_.output.note(refusals.waits->what());
  return std::move(refusals.final);
}

void Session::note_all(const std::vector<GivenUp>& given_up) {
  for (const GivenUp& one : given_up) context_.output.note(one.refusal.what());
}

// Never fewer than are kept: nobody looks again for a while.
Bytes Session::register_identity(uint32_t count) {
  return leave_key_packages(std::max(count, limits::key_package_stock), 1);
}

// The first call admits us, where we have an invitation. Then comes the inbox's token: who takes a
// KeyPackage delivers with it.
Bytes Session::leave_key_packages(uint32_t count, uint32_t more) {
  std::map<group::Suite, KeyPackageStock> stocks;
  for (group::Suite suite : group::suites) {
    stocks[suite] = account().key_package_stock(identity().identity_key(), suite);
  }
  inbox().set_inbox_token(identity());
  KeyPackages& own = messenger_->key_packages();
  Bytes first;
  for (auto& [suite, stock] : stocks) {
    if (own.is_stock_old(suite)) {
      account().drop_key_packages(identity().identity_key(), suite);
      own.stock_is_new(suite);
      stock.count = 0;
    }
    const uint32_t wanted = std::max(count, stock.count + more);
    if (wanted > stock.count) {
      Bytes fingerprint = publish_key_packages(suite, wanted - stock.count);
      if (first.empty()) first = std::move(fingerprint);
    }
    if (!stock.has_last_resort || own.is_last_resort_old(suite)) publish_last_resort(suite);
  }
  own.filled();
  context_.timings.mark("leave KeyPackages");
  return first;
}

// Returns the fingerprint of the first. Some may be there already, where the answer was lost: then
// there are fewer, until the next look.
Bytes Session::publish_key_packages(group::Suite suite, uint32_t count) {
  const std::vector<Bytes> packages = messenger_->key_packages().unpublished(suite, count);
  std::vector<Bytes> fingerprints = account().upload_key_packages(
      identity().identity_key(), suite, packages, group::KeyPackageUse::once);
  messenger_->key_packages().published(suite);
  return std::move(fingerprints.front());
}

void Session::publish_last_resort(group::Suite suite) {
  const Bytes package = messenger_->key_packages().unpublished_last_resort(suite);
  account().upload_key_packages(identity().identity_key(), suite, {package},
                                group::KeyPackageUse::last_resort);
  messenger_->key_packages().last_resort_published(suite, package);
}

void Session::connect_without_the_state() {
  try {
    server_.connect_without_the_state();
  } catch (const Error&) {
    messenger_->forget_loaded();
    throw;
  }
  messenger_->forget_loaded();
}

// Others cannot invite us without; it is not what was asked for, so nothing fails with it. The
// connection is for this alone: kept until the next time, the server would have closed it.
void Session::refill_key_packages(StateLock lock) {
  if (!messenger_->key_packages().is_due()) return;
  context_.output.flush();
  try {
    if (lock == StateLock::released) connect_without_the_state();
    leave_key_packages(limits::key_package_stock, 0);
  } catch (const Error& e) {
    if (is_local_fault(e.reason()) && dynamic_cast<const ServerError*>(&e) == nullptr) throw;
    context_.output.note("no fresh KeyPackages were left for others to invite you with: " +
                         std::string(e.what()));
    messenger_->key_packages().failed();
  }
  in_account_ = false;
  server_.disconnect_authentication();
}

Bytes Session::fetch_key_package(View identity_key, group::Suite suite) {
  const std::string key = to_hex(identity_key);
  const std::string suite_name(name(suite));
  std::optional<Bytes> package =
      account().fetch_key_package(identity().identity_key(), identity_key, suite);
  if (!package) {
    std::string text = "no KeyPackage of " + key + " for groups of suite " + suite_name +
                       " is at the server. Ask its owner to run `register`";
    if (suite != group::Suite::x25519) {
      text +=
          "; a program from before there was that suite can be in a group that was made with "
          "`create-group --suite x25519`";
    }
    throw Error(Reason::not_found, text);
  }
  const group::KeyPackageInfo info = group::inspect_key_package(*package);
  if (!equal(info.identity, identity_key)) {
    throw Error(Reason::rejected,
                "the server gave a KeyPackage of somebody else. Do not trust this "
                "server");
  }
  if (info.suite != suite) {
    throw Error(Reason::rejected, "the KeyPackage of " + key + " is not of suite " + suite_name +
                                      ", though the server has it as such. Ask its owner to run "
                                      "`register`");
  }
  if (info.inbox_token.size() != inbox_token_size) {
    throw Error(Reason::rejected, "the KeyPackage of " + key +
                                      " has no token for its owner's "
                                      "inbox, so that no invitation could be delivered. Ask its "
                                      "owner to run `register` with a newer program");
  }
  return *package;
}

Group Session::find_group(const std::string& name) {
  std::vector<Group> accepted;
  std::string names;
  for (Group& group : state_->groups.list()) {
    if (!group.accepted) continue;
    if (group.alias == name) return group;
    names += (names.empty() ? "" : ", ") + group.alias;
    accepted.push_back(std::move(group));
  }
  if (accepted.empty()) {
    throw Error(Reason::not_found,
                "you are in no group yet. Run `create-group`, or `join` once "
                "somebody has invited you");
  }
  if (!name.empty()) {
    throw Error(Reason::not_found, "there is no group named " + name + " here, but: " + names);
  }
  if (accepted.size() > 1) {
    throw Error(Reason::usage, "name the group with --group-id; there are: " + names);
  }
  return accepted.front();
}

}  // namespace qnpc::client
