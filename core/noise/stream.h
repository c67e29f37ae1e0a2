// stream: a Noise channel as a kj::AsyncIoStream, docs/noise.md. RPC rides on it: stream_rpc.h.
//
//   auto stream = noise::connect(kj::mv(socket), endpoint, check_server).wait(scope);
//
// What is true of every stream: nothing is delivered that the peer did not send, in its order; any
// frame that does not verify ends it; an end that the peer did not announce is an error and no EOF.
// Errors are kj::Exceptions of type DISCONNECTED whose text begins with the reason's name.
#pragma once

#include <kj/async-io.h>
#include <kj/function.h>
#include <kj/timer.h>

#include "qnpc/base/error.h"
#include "qnpc/base/random.h"
#include "qnpc/codec/length_prefixed.h"
#include "qnpc/noise/stream_output.h"
#include "qnpc/noise/suite.h"
#include "qnpc/noise/transport.h"

namespace qnpc::noise {

struct StreamOptions {
  /// For all messages of the handshake together.
  std::chrono::milliseconds handshake_time = limits::noise_handshake_time;
  OutputLimits output;
  /// What we speak. An initiator speaks the first of them, a responder any.
  Suites suites = all_suites;
};

/// What our side brings to each of its channels. The timer must outlive the streams, key and
/// randomness the handshakes.
struct Endpoint {
  const StaticKey& static_key;
  Random& random;
  kj::Timer& timer;
  StreamOptions options = {};
};

/// What the handshake settled.
struct Agreement {
  Suite suite;
  Suites peer_suites;  // what the peer says that it speaks
};

class NoiseStream final : public kj::AsyncIoStream {
 public:
  /// Made by connect() and accept(). `input` may hold bytes that came behind the handshake.
  NoiseStream(kj::Own<kj::AsyncIoStream> socket, Transport transport, Agreement agreement,
              codec::LengthPrefixedCodec input, kj::Timer& timer, const OutputLimits& limits);
  KJ_DISALLOW_COPY(NoiseStream);

  /// The peer's static key, which it has proven to hold.
  const PublicKey& remote_static() const { return transport_.remote_static(); }
  /// Binds what is signed over it to this channel.
  const HandshakeHash& handshake_hash() const { return transport_.handshake_hash(); }
  const Agreement& agreement() const { return agreement_; }
  /// Why the stream has ended, where we have ended it.
  const kj::Maybe<kj::Exception>& broken() const { return broken_; }
  /// Output that is not yet with the kernel, in bytes.
  size_t pending_output() const { return output_.pending(); }
  /// Resolves when all output so far is with the kernel. To leave in good order: shutdownWrite(),
  /// then wait for this, then destroy the stream.
  kj::Promise<void> when_drained();

  /// Decrypted bytes that can be had without waiting. Empty where tryRead() would wait, fail or
  /// end.
  View at_hand();
  /// Takes the first `n` bytes of at_hand().
  void take(size_t n) { plaintext_ = plaintext_.subspan(n); }

  /// 0 only after the authenticated close.
  kj::Promise<size_t> tryRead(void* buffer, size_t minBytes, size_t maxBytes) override;
  /// Always ready: the bytes are copied, and leave as the peer takes them. Who writes without bound
  /// (a pump) has to look at pending_output(): over the limit the connection is dropped.
  kj::Promise<void> write(const void* buffer, size_t size) override;
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override;
  /// Sends the authenticated close behind what is pending.
  void shutdownWrite() override;

  kj::Promise<void> whenWriteDisconnected() override { return socket_->whenWriteDisconnected(); }
  void abortRead() override { socket_->abortRead(); }
  // getFd() stays empty: nobody may write past the cipher.
  void getsockopt(int level, int option, void* value, kj::uint* length) override;
  void setsockopt(int level, int option, const void* value, kj::uint length) override;
  void getsockname(struct sockaddr* address, kj::uint* length) override;
  void getpeername(struct sockaddr* address, kj::uint* length) override;

 private:
  kj::Promise<size_t> fill(MutableView out, size_t min_bytes, size_t done);
  void open_next();
  size_t copy_plaintext(MutableView out);
  kj::Exception fail(const Error& why);

  kj::Own<kj::AsyncIoStream> socket_;
  Transport transport_;
  const Agreement agreement_;
  codec::LengthPrefixedCodec input_;
  MutableView plaintext_;  // decrypted in input_ and not yet read
  bool peer_closed_ = false;
  kj::Maybe<kj::Exception> broken_;
  kj::Canceler reads_;
  StreamOutput output_;
};

/// Looks at the responder's static key before ours is sent to it; throws to refuse.
using CheckResponder = kj::Function<void(const PublicKey&)>;

/// The initiator's side. The socket is dropped on any failure: timeout, handshake_failed,
/// truncated, too_large, unsupported where the responder does not speak our suite, or what `check`
/// throws.
kj::Promise<kj::Own<NoiseStream>> connect(kj::Own<kj::AsyncIoStream> socket,
                                          const Endpoint& endpoint, CheckResponder check);
/// The responder's side. An initiator whose suite we do not speak is told so by the second message,
/// and then dropped: unsupported.
kj::Promise<kj::Own<NoiseStream>> accept(kj::Own<kj::AsyncIoStream> socket,
                                         const Endpoint& endpoint);

}  // namespace qnpc::noise
