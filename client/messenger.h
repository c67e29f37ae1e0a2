// messenger: the steps of a conversation, each one transaction: the MLS state that it changes, what
// it puts into the history, and what must leave afterwards (the outbox). Knows no network.
//
// What is true after each call, also where the process dies: either all of the step is on the disk
// or nothing of it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "client/content.h"
#include "client/state/state.h"
#include "qnpc/group/group_member.h"

namespace qnpc::client {

/// Unix time in milliseconds.
using Clock = std::function<uint64_t()>;

class Messenger {
 public:
  /// All of them outlive the messenger.
  Messenger(State& state, Random& random, const Clock& clock);

  View identity_key() const { return identity_.identity_key(); }

  /// The KeyPackage to be published next: the same one until it is.
  Bytes unpublished_key_package();
  void key_package_published();

  /// Throws Reason::usage where the name is taken or makes no name.
  Group create_group(const std::string& name);
  /// Adds the owner of the KeyPackage: a commit for the members so far, a Welcome for the new one.
  void invite(const Group& group, View key_package);
  /// Encrypts the text for every other member. Throws Reason::usage if we are no member any more.
  Content send(const Group& group, const std::string& text);

  /// Takes one inbox entry in: joins, opens, or notes in the history that it cannot be read.
  /// Throws only where the state cannot be written.
  void receive(View server, uint64_t sequence, View payload);

  /// Takes in what came too early and can be read now. receive() does so after each change; this is
  /// for what a crash left.
  void take_in_early();

  /// Accepts an invitation under the name given, or the group's own. Returns it with its alias.
  Group accept(Group group, const std::string& name);

  /// Another process may have used the state in between: reads all groups anew.
  void forget_groups() { loaded_.clear(); }

  std::vector<Bytes> members(const Group& group);
  bool is_member(const Group& group, View identity_key);
  uint64_t epoch(const Group& group);
  Bytes epoch_authenticator(const Group& group);

 private:
  group::GroupMember& member(const Group& group);
  void save(const Group& group);
  std::vector<Bytes> others(const Group& group);
  void take_in(View payload, const std::function<void()>& finish);
  GroupRef group_claimed_by(View payload);
  bool is_early(const group::MessageInfo& info);
  void process(View payload);
  void enter(View welcome);
  void open(const Group& group, View message);
  void note(GroupRef group, HistoryEntry::Kind kind, View sender, Secret content, bool shown);
  UnixTime now() const { return {clock_() / 1000}; }

  /// Runs a step as one transaction; members that it touched are forgotten if it fails.
  template <class Step>
  auto transact(Step&& step);

  State& state_;
  Random& random_;
  const Clock& clock_;
  group::Identity identity_;
  std::map<GroupRef, group::GroupMember> loaded_;
  bool epoch_changed_ = false;  // since take_in_early() last looked
};

}  // namespace qnpc::client
