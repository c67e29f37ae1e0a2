// delivery: moves what the state holds to and from the Delivery Service. At least once on the wire,
// exactly once in the history: ids and the cursor see to it.
#pragma once

#include "client/messenger.h"
#include "client/services.h"

namespace qnpc::client {

/// Delivers what waits in the outbox, in order for each recipient, each under the id it got when it
/// was written. What is refused stays, and so does everything behind it for the same recipient;
/// the first refusal is returned. Throws where the server cannot be heard.
std::optional<ServerError> deliver_outbox(State& state, DeliveryClient& service);

/// Takes everything in that waits in our inbox, and acknowledges it.
void read_inbox(Messenger& messenger, State& state, DeliveryClient& service);

}  // namespace qnpc::client
