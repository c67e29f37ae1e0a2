#include "client/history_text.h"

#include "client/content.h"
#include "qnpc/base/error.h"
#include "qnpc/group/identity.h"

namespace qnpc::client {
namespace {

using Kind = HistoryEntry::Kind;
using nlohmann::json;

std::string_view name(Kind kind) {
  switch (kind) {
    case Kind::sent: return "sent";
    case Kind::received: return "received";
    case Kind::added: return "added";
    case Kind::removed: return "removed";
    case Kind::joined: return "joined";
    case Kind::unreadable: return "unreadable";
    case Kind::renamed: return "renamed";
    case Kind::leaving: return "leaving";
    case Kind::gap: return "gap";
    case Kind::unsent: return "unsent";
    case Kind::key_changed: return "key_changed";
    case Kind::undelivered: return "undelivered";
  }
  return "unreadable";
}

std::vector<Bytes> keys_of(const HistoryEntry& entry) {
  std::vector<Bytes> out;
  for (View rest = entry.content.reveal(); rest.size() >= group::identity_key_size;
       rest = rest.subspan(group::identity_key_size)) {
    out.push_back(to_bytes(rest.first(group::identity_key_size)));
  }
  return out;
}

// Without the line feed at the end that a pipe leaves, and with all other lines indented.
std::string indented(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  std::string out;
  for (char c : text) {
    out += c;
    if (c == '\n') out += "    ";
  }
  return out;
}

std::string text_of(const HistoryEntry& entry, const Output& output) {
  try {
    return indented(output.foreign(decode_content(entry.content.reveal()).text));
  } catch (const Error& e) {
    return std::string("(this message cannot be shown: ") + e.what() + ")";
  }
}

// What somebody whom we have blocked chose the words of.
bool is_hidden(const HistoryEntry& entry, const ContactBook& book) {
  return (entry.kind == Kind::received || entry.kind == Kind::renamed) &&
         book.is_blocked(entry.sender);
}

std::string what_happened(const HistoryEntry& entry, const ContactBook& book,
                          const Output& output) {
  const std::string who = book.name_of(entry.sender);
  if (is_hidden(entry, book)) return who + ": (hidden, since you have blocked them)";
  switch (entry.kind) {
    case Kind::sent: return "me: " + text_of(entry, output);
    case Kind::received: return who + ": " + text_of(entry, output);
    case Kind::added: return "* " + who + " added " + book.names_of(keys_of(entry));
    case Kind::removed: return "* " + who + " removed " + book.names_of(keys_of(entry));
    case Kind::joined: return "* you are a member from here on";
    case Kind::unreadable:
      return "! a message that cannot be read: " +
             indented(output.foreign(to_text(entry.content.reveal())));
    case Kind::renamed:
      return "* " + who + " calls the group " +
             indented(output.foreign(to_text(entry.content.reveal())));
    case Kind::leaving: return "* " + who + " asks to leave";
    case Kind::gap:
      return "! " + (entry.sender.empty() ? "" : who + ": ") + to_text(entry.content.reveal());
    case Kind::undelivered: return "! " + to_text(entry.content.reveal());
    case Kind::unsent: return "! not sent: " + text_of(entry, output);
    case Kind::key_changed: {
      const Contact* whose = book.find_by_any(entry.content.reveal());
      return "! " + (whose ? whose->name : "a contact") + ", whom you have verified, has the key " +
             short_key(entry.sender) + " now and not " + short_key(entry.content.reveal()) +
             ": run `verify`";
    }
  }
  return {};
}

void put_content(json& object, const HistoryEntry& entry) {
  try {
    Content content = decode_content(entry.content.reveal());
    object["message_id"] = to_hex(content.id);
    object["sent_at"] = utc_time(content.sent_ms);
    object["text"] = content.text;
  } catch (const Error& e) {
    object["unreadable"] = e.what();
  }
}

}  // namespace

std::string history_line(const HistoryEntry& entry, const Group* group, const ContactBook& book,
                         const Output& output) {
  return local_time(entry.time_ms) + " " + (group ? group->alias : "-") + " " +
         what_happened(entry, book, output);
}

json history_object(const HistoryEntry& entry, const Group* group, const ContactBook& book) {
  json object = {{"id", entry.id},
                 {"kind", name(entry.kind)},
                 {"time", utc_time(entry.time_ms)},
                 {"sender", to_hex(entry.sender)}};
  if (const Contact* sender = book.find(entry.sender)) object["sender_name"] = sender->name;
  if (group) {
    object["group"] = group->alias;
    object["group_id"] = to_hex(group->mls_id);
  }
  if (is_hidden(entry, book)) {
    object["blocked"] = true;
    return object;
  }
  switch (entry.kind) {
    case Kind::sent:
    case Kind::received:
    case Kind::unsent: put_content(object, entry); break;
    case Kind::added:
    case Kind::removed:
      for (const Bytes& key : keys_of(entry)) object["keys"].push_back(to_hex(key));
      break;
    case Kind::unreadable: object["unreadable"] = to_text(entry.content.reveal()); break;
    case Kind::renamed: object["name"] = to_text(entry.content.reveal()); break;
    case Kind::key_changed: object["former_key"] = to_hex(entry.content.reveal()); break;
    case Kind::undelivered: object["undelivered"] = to_text(entry.content.reveal()); break;
    case Kind::gap: object["gap"] = to_text(entry.content.reveal()); break;
    case Kind::joined:
    case Kind::leaving: break;
  }
  return object;
}

}  // namespace qnpc::client
