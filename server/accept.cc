#include "server/accept.h"

#include "server/kj_time.h"
#include "server/limits.h"

namespace qnpc::server {

kj::Promise<void> accept_for_ever(kj::ConnectionReceiver& receiver, kj::Timer& timer,
                                  std::function<void(kj::Own<kj::AsyncIoStream>)> serve) {
  // evalNow, because accept() throws as well as it fails a promise.
  auto accepted = kj::evalNow([&] { return receiver.accept(); });
  return accepted
      .then(
          [serve](kj::Own<kj::AsyncIoStream>&& socket) -> kj::Promise<void> {
            serve(kj::mv(socket));
            return kj::READY_NOW;
          },
          [&timer](kj::Exception&&) { return timer.afterDelay(to_kj(limits::accept_retry)); })
      .then([&receiver, &timer, serve] { return accept_for_ever(receiver, timer, serve); });
}

}  // namespace qnpc::server
