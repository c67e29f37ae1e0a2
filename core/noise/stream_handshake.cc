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
      : socket_(kj::mv(socket)), endpoint_(endpoint), check_responder_(kj::mv(check_responder)) {
    if (role == Role::initiator) begin(role, endpoint.options.suites.front());
  }

  kj::Promise<void> run() {
    if (handshake_ && handshake_->complete()) return kj::READY_NOW;
    const bool my_turn = handshake_ && handshake_->my_turn();
    return (my_turn ? send() : receive()).then([this] { return run(); });
  }

  kj::Own<NoiseStream> finish() {
    return kj::heap<NoiseStream>(kj::mv(socket_), std::move(*handshake_).finish(),
                                 std::move(agreement_), std::move(input_), endpoint_.timer,
                                 endpoint_.options.output);
  }

 private:
  void begin(Role role, Suite suite) {
    agreement_.suite = suite;
    handshake_.emplace(pattern_of(suite), role, endpoint_.static_key, endpoint_.random);
  }

  kj::Promise<void> send() {
    outgoing_.clear();
    with_stream_errors([&] {
      // The first message has no payload, so that its length tells the suite.
      const Bytes payload = messages_ == 0 ? Bytes() : to_payload(endpoint_.options.suites);
      LengthPrefixedCodec::encode(outgoing_, handshake_->write_message(payload));
      ++messages_;
    });
    return socket_->write(outgoing_.data(), outgoing_.size()).then([this] {
      // Only now, so that the initiator has our list and can tell its person why.
      with_stream_errors([&] { require(endpoint_.options.suites, "this end"); });
    });
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
    if (messages_ == 0) begin(Role::responder, suite_of_first_message(message->size()));
    const Bytes payload = handshake_->read_message(*message);
    if (messages_++ == 0) return true;
    // The one message that an initiator reads brings the responder's key; ours leaves with the
    // next.
    KJ_IF_MAYBE (check, check_responder_) (*check)(handshake_->remote_static());
    agreement_.peer_suites = from_payload(payload);
    require(agreement_.peer_suites, "the peer");
    return true;
  }

  void require(const Suites& suites, const std::string& whose) {
    if (contains(suites, agreement_.suite)) return;
    throw Error(Reason::unsupported, "the handshake is " + std::string(name(agreement_.suite)) +
                                         ", which " + whose + " does not accept");
  }

  kj::Own<kj::AsyncIoStream> socket_;
  const Endpoint endpoint_;
  kj::Maybe<CheckResponder> check_responder_;
  std::optional<Handshake> handshake_;  // a responder's begins with the first message
  Agreement agreement_{};
  size_t messages_ = 0;  // read or written
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
