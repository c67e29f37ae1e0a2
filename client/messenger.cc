#include "client/messenger.h"

#include <algorithm>

#include "client/limits.h"
#include "client/terminal.h"
#include "qnpc/base/error.h"

namespace qnpc::client {
namespace {

using group::GroupMember;
using Kind = HistoryEntry::Kind;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::alias_bytes && is_utf8(text) &&
         text.find_first_of("\n\t") == std::string_view::npos && escape_controls(text) == text;
}

void require_name(const std::string& text) {
  if (is_name(text)) return;
  throw Error(Reason::usage, "a group's name is 1 to " + std::to_string(limits::alias_bytes) +
                                 " bytes of text without control characters");
}

// Whether the fault lies with us or with this machine, and not with a message from elsewhere.
bool is_local_fault(Reason reason) {
  return reason == Reason::io || reason == Reason::corrupt || reason == Reason::unavailable ||
         reason == Reason::internal;
}

Secret joined_keys(const std::vector<Bytes>& keys) {
  WipingBytes out;
  for (const Bytes& key : keys) out.insert(out.end(), key.begin(), key.end());
  return Secret(std::move(out));
}

constexpr std::string_view unpublished = "unpublished_key_package";

}  // namespace

template <class Step>
auto Messenger::transact(Step&& step) {
  try {
    Transaction transaction(state_.database());
    if constexpr (std::is_void_v<decltype(step())>) {
      step();
      transaction.commit();
    } else {
      auto result = step();
      transaction.commit();
      return result;
    }
  } catch (...) {
    loaded_.clear();  // they may be ahead of the disk
    throw;
  }
}

Messenger::Messenger(State& state, Random& random, const Clock& clock)
    : state_(state),
      random_(random),
      clock_(clock),
      identity_(group::Identity::from_seed(state.identity_seed().reveal())) {}

GroupMember& Messenger::member(const Group& group) {
  auto found = loaded_.find(group.ref);
  if (found != loaded_.end()) return found->second;
  Records records = state_.group_records(group.ref);
  return loaded_
      .emplace(group.ref, GroupMember::load(identity_, state_.key_packages, random_, records))
      .first->second;
}

void Messenger::save(const Group& group) {
  Records records = state_.group_records(group.ref);
  member(group).save(records);
}

std::vector<Bytes> Messenger::members(const Group& group) { return member(group).members(); }
uint64_t Messenger::epoch(const Group& group) { return member(group).epoch(); }

Bytes Messenger::epoch_authenticator(const Group& group) {
  return member(group).epoch_authenticator();
}

std::vector<Bytes> Messenger::others(const Group& group) {
  std::vector<Bytes> out = members(group);
  std::erase_if(out, [&](const Bytes& key) { return equal(key, identity_key()); });
  return out;
}

bool Messenger::is_member(const Group& group, View identity_key) {
  return std::ranges::any_of(members(group),
                             [&](const Bytes& key) { return equal(key, identity_key); });
}

void Messenger::note(GroupRef group, Kind kind, View sender, Secret content, bool shown) {
  HistoryEntry entry;
  entry.group = group;
  entry.kind = kind;
  entry.sender = to_bytes(sender);
  entry.time_ms = clock_();
  entry.content = std::move(content);
  entry.shown = shown;
  state_.history.append(entry);
}

Bytes Messenger::unpublished_key_package() {
  return transact([&] {
    if (std::optional<Secret> package = state_.meta.get(unpublished)) {
      return to_bytes(package->reveal());
    }
    Bytes package =
        GroupMember(identity_, state_.key_packages, random_).generate_key_package(now());
    state_.meta.put(unpublished, package);
    return package;
  });
}

void Messenger::key_package_published() {
  transact([&] { state_.meta.erase(unpublished); });
}

Group Messenger::create_group(const std::string& name) {
  require_name(name);
  if (state_.groups.with_alias(name)) {
    throw Error(Reason::usage, "there is a group named " + name + " already. Choose another name");
  }
  return transact([&] {
    GroupMember creator(identity_, state_.key_packages, random_);
    creator.create_group(name, now());
    Group group = state_.groups.add(creator.group_id(), name, true);
    loaded_.emplace(group.ref, std::move(creator));
    save(group);
    note(group.ref, Kind::joined, identity_key(), {}, true);
    return group;
  });
}

void Messenger::invite(const Group& group, View key_package) {
  Bytes invited = group::key_package_identity(key_package);
  transact([&] {
    std::vector<Bytes> before = others(group);
    group::OwnCommit added = member(group).commit({.add = {to_bytes(key_package)}}, now());
    member(group).enter_pending_commit();
    save(group);
    state_.outbox.add(added.message, before, random_);
    state_.outbox.add(added.welcome, {invited}, random_);
    note(group.ref, Kind::added, identity_key(), joined_keys({invited}), true);
  });
}

Content Messenger::send(const Group& group, const std::string& text) {
  if (!member(group).in_group()) {
    throw Error(Reason::usage, "you are no longer a member of " + group.alias);
  }
  Content content{{}, clock_(), text};
  random_.fill(content.id);
  Secret encoded = encode_content(content);
  transact([&] {
    Bytes message = member(group).send_message(encoded.reveal());
    save(group);
    state_.outbox.add(message, others(group), random_);
    note(group.ref, Kind::sent, identity_key(), std::move(encoded), true);
  });
  return content;
}

Group Messenger::accept(Group group, const std::string& name) {
  if (!name.empty()) require_name(name);
  return transact([&] {
    if (!name.empty() && name != group.alias) group.alias = state_.groups.free_alias(name);
    group.accepted = true;
    state_.groups.update(group);
    return group;
  });
}

void Messenger::receive(View server, uint64_t sequence, View payload) {
  auto advance = [&] { state_.inbox.set_cursor(server, sequence); };
  if (state_.inbox.knows(payload)) return transact(advance);
  take_in(payload, [&] {
    state_.inbox.remember(payload);
    advance();
  });
  if (epoch_changed_) take_in_early();
}

// Processes the payload, or notes why it cannot be; `finish` belongs to the same transaction.
void Messenger::take_in(View payload, const std::function<void()>& finish) {
  try {
    transact([&] {
      process(payload);
      finish();
    });
  } catch (const Error& e) {
    if (is_local_fault(e.reason())) throw;
    transact([&] {
      note(group_claimed_by(payload), Kind::unreadable, {}, Secret::copy_of(as_view(e.what())),
           false);
      finish();
    });
  }
}

GroupRef Messenger::group_claimed_by(View payload) {
  try {
    group::MessageInfo info = group::inspect_message(payload);
    if (std::optional<Group> group = state_.groups.with_mls_id(info.group_id)) return group->ref;
  } catch (const Error& e) {
    if (is_local_fault(e.reason())) throw;
  }
  return no_group;
}

void Messenger::take_in_early() {
  do {
    epoch_changed_ = false;  // or true again, by a commit for which others wait
    for (const Early::Message& message : state_.early.list()) {
      if (is_early(group::inspect_message(message.payload.reveal()))) continue;
      take_in(message.payload.reveal(), [&] { state_.early.remove(message.id); });
    }
  } while (epoch_changed_);
}

bool Messenger::is_early(const group::MessageInfo& info) {
  if (info.is_welcome) return false;
  std::optional<Group> group = state_.groups.with_mls_id(info.group_id);
  return !group || info.epoch > epoch(*group);
}

void Messenger::process(View payload) {
  group::MessageInfo info = group::inspect_message(payload);
  if (info.is_welcome) return enter(payload);
  if (!is_early(info)) return open(*state_.groups.with_mls_id(info.group_id), payload);
  if (state_.early.size() >= limits::early_payloads ||
      state_.early.bytes() + payload.size() > limits::early_bytes) {
    throw Error(Reason::exhausted,
                "it is for a group or an epoch that is not known here, and too many such messages "
                "wait already");
  }
  state_.early.add(payload);
}

void Messenger::enter(View welcome) {
  GroupMember joiner(identity_, state_.key_packages, random_);
  joiner.join_group(welcome);
  if (state_.groups.with_mls_id(joiner.group_id())) {
    throw Error(Reason::rejected, "it is an invitation to a group that is known here already");
  }
  std::string name = joiner.group_name();
  Group group = state_.groups.add(joiner.group_id(), is_name(name) ? name : "group", false);
  loaded_.emplace(group.ref, std::move(joiner));
  save(group);
  note(group.ref, Kind::joined, identity_key(), {}, true);
  epoch_changed_ = true;
}

void Messenger::open(const Group& group, View message) {
  group::Received received = member(group).receive_message(message, now());
  save(group);
  switch (received.kind) {
    case group::Received::Kind::application:
      note(group.ref, Kind::received, received.sender, std::move(received.plaintext), false);
      break;
    case group::Received::Kind::leave: break;
    case group::Received::Kind::commit:
      epoch_changed_ = true;
      if (!received.added.empty()) {
        note(group.ref, Kind::added, received.sender, joined_keys(received.added), false);
      }
      if (!received.removed.empty()) {
        note(group.ref, Kind::removed, received.sender, joined_keys(received.removed), false);
      }
      break;
  }
}

}  // namespace qnpc::client
