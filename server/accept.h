// accept: the accepting half of the servers for this machine alone. The listener for clients has
// its own, which lets others' calls go first.
#pragma once

#include <kj/async-io.h>

#include <functional>

namespace qnpc::server {

/// Hands each connection over. Goes on after a failure, for instance where there are too many
/// files. The references outlive the promise.
kj::Promise<void> accept_for_ever(kj::ConnectionReceiver& receiver, kj::Timer& timer,
                                  std::function<void(kj::Own<kj::AsyncIoStream>)> serve);

}  // namespace qnpc::server
