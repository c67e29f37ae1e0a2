// verify: the safety number with a contact, and what the person says of it, docs/verification.md.
#include "client/commands/commands.h"
#include "client/safety_number.h"
#include "qnpc/qr/qr_code.h"

namespace qnpc::client::commands {
namespace {

void require_equal(const std::string& number, const std::string& typed, const Contact& contact) {
  if (parse_safety_number(typed) == number) return;
  throw Error(Reason::rejected,
              "the safety numbers differ: you or " + contact.name +
                  " have another key for the other than the true one, and somebody may stand "
                  "between you. Ask for the key in another way, then run `contacts replace`");
}

void print(Context& context, const Contact& contact, const std::string& number) {
  Output& output = context.output;
  const bool is_terminal = output.is_terminal();
  std::string text = "safety number with " + contact.name +
                     (contact.verified  ? " (verified)"
                      : contact.changed ? " (not verified: the key has changed)"
                                        : " (not verified)") +
                     "\n" + grouped(number);
  if (is_terminal || context.options.qr) {
    text += "\n" + qr::qr_code(number, is_terminal ? qr::Colours::terminal : qr::Colours::plain);
  }
  nlohmann::json object = contact_object(contact);
  object["safety_number"] = number;
  output.line(text, object);
}

}  // namespace

void verify(Context& context) {
  const Options& options = context.options;
  Session session(context, Session::StateUse::required);
  Contact contact = contact_named(session, options.peers.at(0));
  const std::string number = safety_number(session.messenger().identity_key(), contact.key);
  if (!options.safety_number.empty()) require_equal(number, options.safety_number, contact);
  const bool is_verified = options.confirm || !options.safety_number.empty();
  if (is_verified || options.reset) session.messenger().settle_key(contact, is_verified);
  for (const std::string& note : session.messenger().take_notes()) context.output.note(note);
  print(context, *session.state().contacts.with_key(contact.key), number);
}

}  // namespace qnpc::client::commands
