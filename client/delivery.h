// delivery: brings the state and the Delivery Service together. At least once on the wire, exactly
// once in the history: ids, cursors and the log itself see to it.
#pragma once

#include <functional>
#include <set>

#include "client/messenger.h"

namespace qnpc::client {

/// What can never be delivered.
struct GivenUp {
  Bytes recipient;  // identity key
  ServerError refusal;
};

/// What a server refused of what was for inboxes.
struct Refusals {
  std::optional<ServerError> waits;  // the first of those that stay in the outbox
  std::vector<GivenUp> final;        // they would be refused again; the history has them
};

/// Delivers what waits in the outbox, in order for each recipient, each under the id it got when it
/// was written. What is refused for now stays, and so does everything behind it for the same
/// recipient. Throws where the server cannot be heard.
Refusals deliver_outbox(Messenger& messenger, State& state, DeliveryServer& server);

/// Takes everything in that waits in our inbox, and acknowledges it. False where a log has to be
/// read before something can be: see InboxReading.
bool read_inbox(Messenger& messenger, DeliveryServer& server, std::set<GroupRef> logs_read);

/// Takes in what waits in our logs and in our inbox. `read_log` synchronises one group, and says
/// whether its log could be read. Returns the groups for which it was called.
std::set<GroupRef> read_logs_and_inbox(Messenger& messenger, State& state, DeliveryServer& server,
                                       const std::function<bool(const Group&)>& read_log);

/// Reads the group's log to its end, appends what waits, and makes commits of what is wanted, until
/// nothing is left to do. Another member's commit may win an epoch: then the next one is tried.
/// `speaking`: see Messenger::prepare_commit. What the server refuses (a quota), or does that it
/// must not, is returned; what waits stays. Throws where the server cannot be heard, or an intent
/// turns out to break a rule.
std::optional<ServerError> synchronise_log(Messenger& messenger, State& state,
                                           DeliveryServer& server, GroupRef group, bool speaking);

}  // namespace qnpc::client
