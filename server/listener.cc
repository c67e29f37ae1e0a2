#include "server/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "qnpc/noise/stream_error.h"
#include "server/connection.h"
#include "server/kj_time.h"
#include "server/log.h"

namespace qnpc::server {
namespace {

Address peer_of(kj::AsyncIoStream& socket) {
  Address address;
  kj::uint size = sizeof(address.storage);
  socket.getpeername(address.get(), &size);
  address.size = size;
  return address;
}

void set_up(kj::AsyncIoStream& socket) {
  auto set = [&](int level, int option, int value) {
    socket.setsockopt(level, option, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);  // the stream coalesces by itself
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(limits::keepalive_idle.count()));
  set(IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(limits::keepalive_interval.count()));
  set(IPPROTO_TCP, TCP_KEEPCNT, limits::keepalive_probes);
}

}  // namespace

Listener::Listener(kj::LowLevelAsyncIoProvider& io, kj::AutoCloseFd socket,
                   const noise::Endpoint& endpoint, Admission& admission,
                   const Foundation& foundation, ListenerService service)
    : endpoint_(endpoint),
      admission_(admission),
      foundation_(foundation),
      service_(std::move(service)),
      receiver_(io.wrapListenSocketFd(kj::mv(socket))),
      accepting_(accept().eagerlyEvaluate(nullptr)) {}

kj::Promise<void> Listener::accept() {
  // evalNow, because accept() throws as well as it fails a promise.
  return kj::evalNow([this] { return receiver_->accept(); })
      .then(
          [this](kj::Own<kj::AsyncIoStream>&& socket) {
            accept_failed_ = false;
            admit(kj::mv(socket));
            // By way of the system, which has others' calls for us: a handshake costs as much as
            // dozens of them, and whoever connects over and over must not keep them waiting.
            return endpoint_.timer.afterDelay(0 * kj::SECONDS).then([this] { return accept(); });
          },
          [this](kj::Exception&& exception) {
            // No file descriptor or memory left: it passes when others leave. Said once, not each
            // time.
            if (!accept_failed_) {
              log::warn("accept_failed", {{"service", service_.name},
                                          {"reason", exception.getDescription().cStr()}});
            }
            accept_failed_ = true;
            return endpoint_.timer.afterDelay(to_kj(limits::accept_retry)).then([this] {
              return accept();
            });
          });
}

void Listener::admit(kj::Own<kj::AsyncIoStream> socket) {
  try {
    Address peer = peer_of(*socket);
    std::optional<Admission::Place> place = admission_.enter(peer);
    if (!place) {
      log::debug("connection_refused", {{"service", service_.name}, {"peer", to_text(peer)}});
      return;
    }
    foundation_.access.count_handshake(place->host());
    log::debug("connection_accepted", {{"service", service_.name}, {"peer", to_text(peer)}});
    set_up(*socket);
    foundation_.metrics.connections.add();
    connections_.add(serve(kj::mv(socket), std::move(*place)));
  } catch (const Error& error) {
    log::debug("connection_refused", {{"service", service_.name}, {"reason", error.what()}});
  } catch (const kj::Exception& exception) {  // it is gone already
    log::debug("connection_lost", {{"reason", exception.getDescription().cStr()}});
  }
}

kj::Promise<void> Listener::serve(kj::Own<kj::AsyncIoStream> socket, Admission::Place place) {
  return shake_hands(kj::mv(socket))
      .then([this, place = std::move(place)](kj::Own<noise::NoiseStream>&& stream) mutable {
        place.handshake_done();
        auto calls = std::make_shared<CallGate>(ConnectionBounds{
            foundation_.limits, foundation_.metrics, foundation_.memory, place.host()});
        if (foundation_.access.policy().open_calls) calls->set_known();  // whoever it is
        Peer peer{calls, stream->handshake_hash(), place.host()};
        auto connection = kj::heap<Connection>(kj::mv(stream), service_.make(std::move(peer)),
                                               calls, service_.message_words, endpoint_.timer);
        auto done = connection->run(when_over(place, *calls));
        return done.attach(kj::mv(connection), std::move(place))
            .catch_([this](kj::Exception&& exception) {
              foundation_.metrics.lost_connections[noise::reason_of(exception)].add();
              kj::throwFatalException(kj::mv(exception));
            });
      });
}

/// When the connection has to end. Whoever may not stay has time for a call that says why.
kj::Promise<void> Listener::when_over(const Admission::Place& place, CallGate& calls) {
  auto stopped = stopping_.addBranch();
  const auto refused = place.refused();
  if (!refused) return stopped;
  calls.refuse(Error(Reason::overloaded, *refused == Limit::connections
                                             ? "the server has as many connections as it takes. "
                                               "Try again later"
                                             : "there are too many connections from this address. "
                                               "Try again later"));
  return stopped.exclusiveJoin(endpoint_.timer.afterDelay(to_kj(limits::refused_time)));
}

kj::Promise<kj::Own<noise::NoiseStream>> Listener::shake_hands(kj::Own<kj::AsyncIoStream> socket) {
  using Stream = kj::Own<noise::NoiseStream>;
  auto stopped = stopping_.addBranch().then([]() -> Stream {
    kj::throwFatalException(rpc::to_exception(Error(Reason::unavailable, "the server stops")));
  });
  return noise::accept(kj::mv(socket), endpoint_)
      .exclusiveJoin(kj::mv(stopped))
      .then(
          [this](Stream&& stream) {
            foundation_.metrics.handshakes.add();
            return kj::mv(stream);
          },
          [this](kj::Exception&& exception) -> Stream {
            const Reason reason = noise::reason_of(exception);
            foundation_.metrics.failed_handshakes[reason].add();
            if (reason == Reason::timeout) {
              foundation_.metrics.limits_hit[Limit::handshake_seconds].add();
            }
            kj::throwFatalException(kj::mv(exception));
          });
}

kj::Promise<void> Listener::stop() {
  accepting_ = nullptr;
  receiver_ = nullptr;
  stop_pair_.fulfiller->fulfill();
  return connections_.onEmpty();
}

void Listener::taskFailed(kj::Exception&& exception) {
  const char* reason = exception.getDescription().cStr();
  if (rpc::from_exception(exception).reason() == Reason::unsupported) {
    // Not one of the many ways in which connections end: somebody has to change a setting.
    log::info("suite_refused", {{"service", service_.name}, {"reason", reason}});
  } else {
    log::debug("connection_failed", {{"service", service_.name}, {"reason", reason}});
  }
}

}  // namespace qnpc::server
