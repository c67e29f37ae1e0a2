// send: one message to everybody else in a group. The log is read first, so that we speak in the
// group's newest epoch, and afterwards, where the message has its place.
#include <unistd.h>

#include "client/commands/commands.h"
#include "client/limits.h"
#include "client/terminal.h"

namespace qnpc::client::commands {
namespace {

std::string message_of(const Options& options) {
  std::string text;
  if (options.message && *options.message != "-") {
    text = *options.message;
  } else if (!options.message && is_terminal(stdin)) {
    throw Error(Reason::usage, "say what to send: --msg TEXT, or --msg - for standard input");
  } else {
    text = read_standard_input(limits::text_bytes);
  }
  if (text.empty()) throw Error(Reason::usage, "the message is empty");
  if (text.size() > limits::text_bytes) {
    throw Error(Reason::too_large, "the message is longer than " +
                                       std::to_string(limits::text_bytes) +
                                       " bytes. Send it in parts");
  }
  if (!is_utf8(text)) {
    throw Error(Reason::usage,
                "the message is not UTF-8 text. Send other data encoded, for example "
                "with `base64 FILE | quicnprotochat-client send`");
  }
  return text;
}

}  // namespace

void send(Context& context) {
  const Options& options = context.options;
  std::string text = message_of(options);
  Session session(context, Session::StateUse::required);
  const std::vector<Bytes> peers = identity_keys(session, options.peers);
  Messenger& messenger = session.messenger();
  const Group group = session.find_group(options.group);
  session.synchronise(group, true);
  for (const Bytes& peer : peers) {
    if (messenger.is_member(group, peer)) continue;
    throw Error(Reason::usage, "--peer-key names nobody in " + group.alias +
                                   "; nothing was sent. `members` lists who is");
  }
  Content content = messenger.send(group, text);
  context.timings.mark("encrypt and save");
  session.say(group, content);
  size_t recipients = messenger.members(group).size() - 1;
  if (recipients == 0) context.output.note("nobody else is in " + group.alias + " yet");
  context.output.line("sent to " + std::to_string(recipients) + " in " + group.alias,
                      {{"group", group.alias},
                       {"group_id", to_hex(group.mls_id)},
                       {"message_id", to_hex(content.id)},
                       {"sent_at", utc_time(content.sent_ms)},
                       {"bytes", text.size()},
                       {"recipients", recipients}});
}

}  // namespace qnpc::client::commands
