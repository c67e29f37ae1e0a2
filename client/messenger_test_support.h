// messenger_test_support: people with a state in memory who talk through a FakeServer.
#pragma once

#include <gtest/gtest.h>

#include <utility>

#include "client/delivery.h"
#include "client/fake_server.h"
#include "qnpc/crypto/system_random.h"

namespace qnpc::client::test {

using Kind = HistoryEntry::Kind;

/// A person with a state in memory. Their clock is their own.
class Person {
 public:
  Person(Random& random, FakeServer& server)
      : state(State::in_memory(random)), messenger(*state, random, clock_), server_(server) {}

  Bytes key() const { return to_bytes(messenger.identity_key()); }
  Bytes key_package() {
    Bytes package = messenger.key_packages().unpublished(group::default_suite, 1).at(0);
    messenger.key_packages().published(group::default_suite);
    return package;
  }
  Group group() { return state->groups.list().at(0); }

  /// What every command does before and after its own.
  void sync(bool speaking = false) {
    refused.reset();
    if (state->inbox_token_waits()) messenger.inbox_token_is_set();
    auto read = [&](const Group& group) { return read_log(group, speaking); };
    read_logs_and_inbox(messenger, *state, server_, read);
    for (const Group& group : state->groups.list()) read(group);
    refusals = deliver_outbox(messenger, *state, server_);
  }
  void want(Intent intent) {
    messenger.want(group(), std::move(intent));
    sync();
  }
  void invite(std::vector<Person*> people) {
    Intent intent;
    for (Person* person : people) intent.add.push_back(person->key_package());
    want(std::move(intent));
  }
  void remove(const Person& person) {
    Intent intent;
    intent.remove = {person.key()};
    want(std::move(intent));
  }
  void leave() {
    Intent intent;
    intent.leave = true;
    want(std::move(intent));
  }
  void rejoin() {
    messenger.rejoin(group());
    sync();
  }
  /// Without looking at the log first, as who is a moment too late.
  void say_blindly(const std::string& text) { messenger.send(group(), text); }
  void say(const std::string& text) {
    sync(true);
    say_blindly(text);
    sync();
  }
  Bytes authenticator() { return messenger.epoch_authenticator(group()); }

  /// The history in one line: "sent:text received:text added unreadable".
  std::string history() {
    static constexpr const char* names[] = {
        "",        "sent",    "received", "added",  "removed",     "joined",     "unreadable",
        "renamed", "leaving", "gap",      "unsent", "key_changed", "undelivered"};
    std::string out;
    state->history.each(false, std::nullopt, [&](const HistoryEntry& entry) {
      out += (out.empty() ? "" : " ") + std::string(names[static_cast<size_t>(entry.kind)]);
      if (entry.kind == Kind::sent || entry.kind == Kind::received) {
        out += ":" + decode_content(entry.content.reveal()).text;
      }
    });
    return out;
  }
  /// What was said, whoever did.
  std::string conversation() {
    std::string out;
    state->history.each(false, std::nullopt, [&](const HistoryEntry& entry) {
      if (entry.kind != Kind::sent && entry.kind != Kind::received) return;
      out += decode_content(entry.content.reveal()).text + " ";
    });
    return out;
  }

  uint64_t time_ms = 1'800'000'000'000;
  std::unique_ptr<State> state;
  Messenger messenger;
  std::optional<ServerError> refused;
  Refusals refusals;

 private:
  bool read_log(const Group& group, bool speaking) {
    auto refusal = synchronise_log(messenger, *state, server_, group.ref, speaking);
    if (refusal) refused = refusal;
    return !refusal;
  }

  const Clock clock_ = [this] { return time_ms; };
  FakeServer& server_;
};

/// A group in the making.
class MessengerTest : public testing::Test {
 protected:
  ~MessengerTest() noexcept override = default;

  void share_a_group(std::vector<Person*> others) {
    alice_.messenger.create_group("friends");
    alice_.invite(others);
    for (Person* person : others) {
      person->sync();
      person->messenger.accept(person->group(), "");
    }
  }

  std::vector<Append> waiting_at_alice() { return waiting_at(alice_); }
  /// All that the group's log holds.
  void expire_the_log() {
    FakeServer::Log& log = server_.only_log();
    log.expired_through = log.entries.back().sequence;
    log.entries.clear();
  }

  static std::vector<Append> waiting_at(Person& person) {
    return person.state->appends.of(person.group().ref);
  }

  crypto::SystemRandom random_;
  FakeServer server_;
  Person alice_{random_, server_}, bob_{random_, server_}, carol_{random_, server_};
};

}  // namespace qnpc::client::test
