#include "qnpc/noise/stream.h"

#include <algorithm>

#include "qnpc/noise/stream_error.h"

namespace qnpc::noise {

NoiseStream::NoiseStream(kj::Own<kj::AsyncIoStream> socket, Transport transport,
                         Agreement agreement, codec::LengthPrefixedCodec input, kj::Timer& timer,
                         const OutputLimits& limits)
    : socket_(kj::mv(socket)),
      transport_(std::move(transport)),
      agreement_(std::move(agreement)),
      input_(std::move(input)),
      output_(*socket_, transport_, timer, limits, [this](kj::Exception why) {
        reads_.cancel(why);
        broken_ = kj::mv(why);
      }) {}

kj::Promise<void> NoiseStream::when_drained() {
  KJ_IF_MAYBE (why, broken_) return kj::cp(*why);
  return output_.when_drained().then([this]() -> kj::Promise<void> {
    KJ_IF_MAYBE (why, broken_) return kj::cp(*why);
    return kj::READY_NOW;
  });
}

kj::Promise<size_t> NoiseStream::tryRead(void* buffer, size_t minBytes, size_t maxBytes) {
  KJ_IF_MAYBE (why, broken_) return kj::cp(*why);
  MutableView out(static_cast<uint8_t*>(buffer), maxBytes);
  if (output_.ready_for_input()) return fill(out, minBytes, 0);
  return reads_.wrap(output_.when_ready_for_input()).then([this, out, minBytes] {
    return fill(out, minBytes, 0);
  });
}

// `done` bytes at the front of `out` are filled already.
kj::Promise<size_t> NoiseStream::fill(MutableView out, size_t min_bytes, size_t done) {
  try {
    done += copy_plaintext(out.subspan(done));
  } catch (const Error& error) {
    return fail(error);
  }
  if (done >= min_bytes || peer_closed_) return done;
  MutableView space = input_.free_space();
  return reads_.wrap(socket_->tryRead(space.data(), 1, space.size()))
      .then([this, out, min_bytes, done](size_t n) -> kj::Promise<size_t> {
        if (n == 0) return fail(Error(Reason::truncated, "the peer closed without saying so"));
        input_.filled(n);
        return fill(out, min_bytes, done);
      });
}

View NoiseStream::at_hand() {
  if (broken_ != nullptr || !output_.ready_for_input()) return {};
  try {
    open_next();
  } catch (const Error& error) {
    fail(error);
  }
  return plaintext_;
}

// Fills plaintext_ if it is empty and a whole message has come.
void NoiseStream::open_next() {
  if (!plaintext_.empty() || peer_closed_) return;
  if (auto message = input_.next()) {
    plaintext_ = transport_.open(*message);
    peer_closed_ = plaintext_.empty();
  }
}

size_t NoiseStream::copy_plaintext(MutableView out) {
  size_t done = 0;
  while (done < out.size()) {
    open_next();
    if (plaintext_.empty()) break;
    const size_t n = std::min(plaintext_.size(), out.size() - done);
    std::copy_n(plaintext_.begin(), n, out.begin() + static_cast<ptrdiff_t>(done));
    take(n);
    done += n;
  }
  return done;
}

kj::Exception NoiseStream::fail(const Error& why) {
  output_.abort();
  broken_ = to_kj(why);
  return to_kj(why);
}

kj::Promise<void> NoiseStream::write(const void* buffer, size_t size) {
  kj::ArrayPtr<const kj::byte> piece(static_cast<const kj::byte*>(buffer), size);
  return write(kj::arrayPtr(&piece, 1));
}

kj::Promise<void> NoiseStream::write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) {
  for (const auto& piece : pieces) {
    KJ_IF_MAYBE (why, broken_) return kj::cp(*why);
    output_.append({piece.begin(), piece.size()});
  }
  return kj::READY_NOW;
}

void NoiseStream::shutdownWrite() { output_.close(); }

void NoiseStream::getsockopt(int level, int option, void* value, kj::uint* length) {
  socket_->getsockopt(level, option, value, length);
}
void NoiseStream::setsockopt(int level, int option, const void* value, kj::uint length) {
  socket_->setsockopt(level, option, value, length);
}
void NoiseStream::getsockname(struct sockaddr* address, kj::uint* length) {
  socket_->getsockname(address, length);
}
void NoiseStream::getpeername(struct sockaddr* address, kj::uint* length) {
  socket_->getpeername(address, length);
}

}  // namespace qnpc::noise
