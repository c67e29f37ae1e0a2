// stream_handshake: the handshake over a socket, within its deadline; connect() and accept().
#include "qnpc/noise/handshake.h"
#include "qnpc/noise/stream.h"
#include "qnpc/noise/stream_error.h"

namespace qnpc::noise {
namespace {

using codec::LengthPrefixedCodec;

class HandshakeInProgress {
 public:
  HandshakeInProgress(Role role, kj::Own<kj::AsyncIoStream> socket, const Endpoint& endpoint,
                      kj::Maybe<CheckResponder> check_responder)
      : socket_(kj::mv(socket)),
        handshake_(xx, role, endpoint.static_key, endpoint.random),
        check_responder_(kj::mv(check_responder)),
        timer_(endpoint.timer),
        limits_(endpoint.options.output) {}

  kj::Promise<void> run() {
    if (handshake_.complete()) return kj::READY_NOW;
    return (handshake_.my_turn() ? send() : receive()).then([this] { return run(); });
  }

  kj::Own<NoiseStream> finish() {
    return kj::heap<NoiseStream>(kj::mv(socket_), std::move(handshake_).finish(), std::move(input_),
                                 timer_, limits_);
  }

 private:
  kj::Promise<void> send() {
    outgoing_.clear();
    with_stream_errors([&] { LengthPrefixedCodec::encode(outgoing_, handshake_.write_message()); });
    return socket_->write(outgoing_.data(), outgoing_.size());
  }

  kj::Promise<void> receive() {
    if (with_stream_errors([&] { return read_message(); })) return kj::READY_NOW;
    MutableView space = input_.free_space();
    return socket_->tryRead(space.data(), 1, space.size()).then([this](size_t n) {
      if (n == 0) {
        kj::throwFatalException(
            to_kj(Error(Reason::truncated, "the peer closed during the Noise handshake")));
      }
      input_.filled(n);
      return receive();
    });
  }

  // Whether the peer's next message was there.
  bool read_message() {
    auto message = input_.next(limits::noise_handshake_message);
    if (!message) return false;
    if (!handshake_.read_message(*message).empty()) {
      throw Error(Reason::handshake_failed, "a Noise handshake message with a payload");
    }
    // The one message that an initiator reads brings the responder's key; ours leaves with the
    // next.
    KJ_IF_MAYBE (check, check_responder_) (*check)(handshake_.remote_static());
    return true;
  }

  kj::Own<kj::AsyncIoStream> socket_;
  Handshake handshake_;
  kj::Maybe<CheckResponder> check_responder_;
  kj::Timer& timer_;
  const OutputLimits limits_;
  LengthPrefixedCodec input_;
  Bytes outgoing_;
};

kj::Promise<kj::Own<NoiseStream>> establish(Role role, kj::Own<kj::AsyncIoStream> socket,
                                            const Endpoint& endpoint,
                                            kj::Maybe<CheckResponder> check_responder) {
  auto deadline =
      endpoint.timer.afterDelay(endpoint.options.handshake_time.count() * kj::MILLISECONDS)
          .then([]() -> kj::Promise<kj::Own<NoiseStream>> {
            return to_kj(Error(Reason::timeout, "no Noise handshake within its time"));
          });
  auto handshake =
      kj::heap<HandshakeInProgress>(role, kj::mv(socket), endpoint, kj::mv(check_responder));
  auto finished = kj::evalNow([&] { return handshake->run(); }).then([&handshake = *handshake] {
    return handshake.finish();
  });
  return finished.exclusiveJoin(kj::mv(deadline)).attach(kj::mv(handshake));
}

}  // namespace

kj::Promise<kj::Own<NoiseStream>> connect(kj::Own<kj::AsyncIoStream> socket,
                                          const Endpoint& endpoint, CheckResponder check) {
  return establish(Role::initiator, kj::mv(socket), endpoint, kj::mv(check));
}

kj::Promise<kj::Own<NoiseStream>> accept(kj::Own<kj::AsyncIoStream> socket,
                                         const Endpoint& endpoint) {
  return establish(Role::responder, kj::mv(socket), endpoint, nullptr);
}

}  // namespace qnpc::noise
