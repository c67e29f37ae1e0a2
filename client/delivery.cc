#include "client/delivery.h"

#include <set>

namespace qnpc::client {
namespace {

constexpr const char* kept =
    ". It is kept in the state and goes out with the next command; do not send it again";

}  // namespace

std::optional<ServerError> deliver_outbox(State& state, DeliveryClient& service) {
  std::optional<ServerError> refusal;
  std::set<Bytes> blocked;  // recipients whose earlier message did not get through
  for (int64_t outgoing : state.outbox.waiting()) {
    std::vector<Delivery> due = state.outbox.deliveries(outgoing);
    std::erase_if(due, [&](const Delivery& d) { return blocked.contains(d.recipient); });
    if (due.empty()) continue;
    std::vector<std::optional<ServerError>> results;
    try {
      results = service.enqueue(state.outbox.payload(outgoing).reveal(), due);
    } catch (const ServerError& e) {
      throw ServerError(e.reason(), e.what() + std::string(kept));
    }
    Transaction transaction(state.database());
    for (size_t i = 0; i < due.size(); ++i) {
      if (!results[i]) {
        state.outbox.remove(due[i]);
        continue;
      }
      blocked.insert(due[i].recipient);
      if (!refusal) {
        refusal = ServerError(results[i]->reason(), "the server refused a message for " +
                                                        to_hex(due[i].recipient) + ": " +
                                                        results[i]->what() + kept);
      }
    }
    transaction.commit();
  }
  return refusal;
}

void read_inbox(Messenger& messenger, State& state, DeliveryClient& service) {
  messenger.take_in_early();
  View server = service.server_key();
  bool more = true;
  while (more) {
    uint64_t cursor = state.inbox.cursor(server);
    InboxPage page = service.read(messenger.identity_key(), cursor);
    for (const InboxEntry& entry : page.entries) {
      if (entry.sequence <= cursor) {
        throw ServerError(Reason::malformed, "the server numbers its entries backwards");
      }
      cursor = entry.sequence;
      messenger.receive(server, entry.sequence, entry.payload);
    }
    if (!page.entries.empty()) service.acknowledge(messenger.identity_key(), cursor);
    more = page.more && !page.entries.empty();
  }
}

}  // namespace qnpc::client
