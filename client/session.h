// session: what one command works with: the state, and the services, each when it is first asked
// for. Reconnecting is a matter of another session.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "client/delivery.h"
#include "client/doorbell.h"
#include "client/server.h"

namespace qnpc::client {

/// What main hands to every command.
struct Context {
  const Options& options;
  Output& output;
  Random& random;
  const Clock& clock;
  Timings& timings;
};

class Session {
 public:
  enum class StateUse { required, created_if_missing, if_there };

  Session(Context& context, StateUse use);

  bool has_state() const { return state_ != nullptr; }
  State& state() { return *state_; }
  Messenger& messenger() { return *messenger_; }
  Network& network() { return network_; }

  /// Who we are: the identity in the state or, without one, one for this command alone.
  const group::Identity& identity();
  /// The services, before a login.
  Online<AuthenticationClient>& authentication() { return server_.authentication(); }
  Online<DeliveryClient>& delivery() { return server_.delivery(); }
  /// The same, where we have said who we are.
  AuthenticationClient& account();
  DeliveryClient& inbox();
  /// What is lost with the connections is only them.
  void disconnect();

  /// Delivers what waits and takes in what came, in all groups. A refusal is a note, once.
  void synchronise();
  /// The same for the log of one group, and what has to follow from it. `speaking`: so that a
  /// message can be sent afterwards. False where the server refused something.
  bool synchronise(const Group& group, bool speaking = false);
  /// Brings what was just asked for into the group's log; a refusal is an error.
  void settle(const Group& group);
  /// Subscribes to the inbox and the logs, where that is not done on this connection. Called while
  /// the state is ours; wait_for_news() may be called while it is not.
  void subscribe();
  /// Returns when there may be something to read, and after limits::look_again at the latest. What
  /// cannot be subscribed to is looked at every limits::poll_interval.
  void wait_for_news(std::chrono::milliseconds longest);
  /// Delivers what waits for inboxes; what has to wait still is an error.
  void deliver();
  /// Carries out a change of the group and waits until it is in force. Throws Reason::conflict
  /// where others' changes came first each time, and what the server said where an invitation that
  /// belongs to it can never be delivered.
  void change(const Group& group, Intent intent);
  /// Brings a message that messenger().send() has made into the log. Throws Reason::conflict where
  /// that is not done: because we are out, or because others have to change the group before.
  void say(const Group& group, const Content& content);
  /// Lets others deliver into our inbox, and leaves KeyPackages for them to invite us with: of each
  /// suite one more than there are, so many at least, and one of last resort. Returns the
  /// fingerprint of the first.
  Bytes register_identity(uint32_t count);
  /// Looks from time to time whether there are enough, and that none of them is old. What a command
  /// does last, since it may have to wait for a server that is away. Other processes may use the
  /// state meanwhile, where the lock is released.
  enum class StateLock { kept, released };
  void refill_key_packages(StateLock lock);

  /// Takes one KeyPackage of that identity. Throws Reason::not_found where it has none of the
  /// suite, and Reason::rejected for one that nobody can be invited with.
  Bytes fetch_key_package(View identity_key, group::Suite suite);

  /// The group with that name or, without one, the only group. Throws Reason::not_found, usage.
  Group find_group(const std::string& name);

 private:
  Secret invitation() const;
  void require_not_behind(const Group& group);
  std::vector<GivenUp> bring_into_log(const Group& group);
  std::vector<GivenUp> finish_changes();
  void note_all(const std::vector<GivenUp>& given_up);
  Bytes leave_key_packages(uint32_t count, uint32_t more);
  Bytes publish_key_packages(group::Suite suite, uint32_t count);
  void publish_last_resort(group::Suite suite);
  /// Other processes may use the state meanwhile.
  void connect_without_the_state();

  Context& context_;
  std::unique_ptr<State> state_;
  std::unique_ptr<Messenger> messenger_;
  std::optional<group::Identity> visitor_;
  Network network_;
  Server server_;
  bool in_account_ = false;  // logged in on these connections
  bool in_inbox_ = false;
  std::map<GroupRef, std::string> refused_;  // what was told of its log, and not again
  std::unique_ptr<Doorbell> doorbell_;       // of that connection; goes before it
};

}  // namespace qnpc::client
