// demo-group: three members in one process, who live as long as it, talk through a real server.
// Shows that a server works, from KeyPackage to conversation; fails if anything is not as said.
#include "client/commands/commands.h"

namespace qnpc::client::commands {
namespace {

class DemoMember {
 public:
  DemoMember(Context& context, Session& session, const std::string& name)
      : name_(name),
        session_(session),
        state_(State::in_memory(context.random)),
        messenger_(*state_, context.random, context.clock) {}

  const std::string& name() const { return name_; }
  View key() const { return messenger_.identity_key(); }
  Messenger& messenger() { return messenger_; }

  void publish_key_package() {
    DeliveryClient& delivery = session_.delivery().client;
    delivery.log_in(messenger_.identity());
    delivery.set_inbox_token(messenger_.identity());
    AuthenticationClient& service = session_.authentication().client;
    service.log_in(messenger_.identity(), {});
    service.upload_key_packages(key(), group::default_suite,
                                messenger_.key_packages().unpublished(group::default_suite, 1),
                                group::KeyPackageUse::once);
    messenger_.key_packages().published(group::default_suite);
  }
  void invite(DemoMember& other) {
    Intent intent;
    intent.add = {session_.fetch_key_package(other.key(), group::default_suite)};
    messenger_.want(group(), std::move(intent));
    read();
  }
  void say(const std::string& text) {
    messenger_.send(group(), text);
    read();
  }
  void read() {
    DeliveryClient& server = session_.delivery().client;
    read_inbox(messenger_, server, {});
    std::optional<ServerError> refusal;
    for (const Group& group : state_->groups.list()) {
      refusal = synchronise_log(messenger_, *state_, server, group.ref, false);
    }
    const Refusals refusals = deliver_outbox(messenger_, *state_, server);
    if (!refusals.final.empty()) throw refusals.final.front().refusal;
    if (!refusal) refusal = refusals.waits;
    if (refusal) throw *refusal;
  }
  Group group() { return state_->groups.list().at(0); }

  /// The texts that came from others, in order.
  std::vector<std::string> heard() {
    std::vector<std::string> out;
    state_->history.each(false, std::nullopt, [&](const HistoryEntry& entry) {
      if (entry.kind == HistoryEntry::Kind::unreadable) {
        throw Error(Reason::rejected,
                    name_ + " could not read a message: " + to_text(entry.content.reveal()));
      }
      if (entry.kind == HistoryEntry::Kind::received) {
        out.push_back(decode_content(entry.content.reveal()).text);
      }
    });
    return out;
  }

 private:
  std::string name_;
  Session& session_;
  std::unique_ptr<State> state_;
  Messenger messenger_;
};

void expect_heard(DemoMember& member, const std::vector<std::string>& texts) {
  if (member.heard() == texts) return;
  throw Error(Reason::internal, member.name() + " did not hear exactly what the others said");
}

}  // namespace

void demo_group(Context& context) {
  Session session(context, Session::StateUse::if_there);
  Output& output = context.output;
  DemoMember alice(context, session, "alice"), bob(context, session, "bob"),
      carol(context, session, "carol");
  auto say = [&](DemoMember& speaker, const std::string& text) {
    speaker.read();
    speaker.say(text);
    for (DemoMember* member : {&alice, &bob, &carol}) {
      if (member != &speaker) member->read();
    }
    output.line(speaker.name() + ": " + text, {{"speaker", speaker.name()}, {"text", text}});
  };
  for (DemoMember* member : {&alice, &bob, &carol}) {
    member->publish_key_package();
    output.line(member->name() + " is " + to_hex(member->key()),
                {{"member", member->name()}, {"identity_key", to_hex(member->key())}});
  }
  alice.messenger().create_group("demo");
  alice.invite(bob);
  say(alice, "Hello Bob.");
  say(bob, "Hello Alice.");
  alice.invite(carol);
  say(carol, "Grüße an alle 👋");
  say(alice, "Welcome, Carol.");

  expect_heard(alice, {"Hello Alice.", "Grüße an alle 👋"});
  expect_heard(bob, {"Hello Bob.", "Grüße an alle 👋", "Welcome, Carol."});
  expect_heard(carol, {"Welcome, Carol."});
  Bytes agreed = alice.messenger().epoch_authenticator(alice.group());
  for (DemoMember* member : {&bob, &carol}) {
    if (member->messenger().epoch_authenticator(member->group()) == agreed) continue;
    throw Error(Reason::internal, member->name() + " is not in the same epoch as alice");
  }
  output.line("All three agree on the conversation and on epoch " +
                  std::to_string(alice.messenger().epoch(alice.group().ref)) + ".",
              {{"epoch", alice.messenger().epoch(alice.group().ref)},
               {"epoch_authenticator", to_hex(agreed)}});
}

}  // namespace qnpc::client::commands
