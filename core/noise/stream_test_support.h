// stream_test_support: two sockets, connected, for the tests of streams.
#pragma once

#include <gtest/gtest.h>
#include <kj/async-io.h>

#include <string>

#include "qnpc/crypto/system_random.h"
#include "qnpc/noise/stream.h"

namespace qnpc::noise {

using std::chrono::milliseconds;

// Owns nothing: the test keeps the raw socket to meddle with it.
class Tap final : public kj::AsyncIoStream {
 public:
  explicit Tap(kj::AsyncIoStream& socket) : socket_(socket) {}

  kj::Promise<size_t> tryRead(void* buffer, size_t min, size_t max) override {
    if (deaf) return kj::NEVER_DONE;
    return socket_.tryRead(buffer, min, std::min(max, longest_read));
  }
  kj::Promise<void> write(const void* buffer, size_t size) override {
    ++writes;
    return socket_.write(buffer, size);
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    ++writes;
    return socket_.write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return socket_.whenWriteDisconnected(); }
  void shutdownWrite() override { socket_.shutdownWrite(); }

  bool deaf = false;
  size_t longest_read = SIZE_MAX;
  int writes = 0;

 private:
  kj::AsyncIoStream& socket_;
};

// Two sockets, connected, and what each side needs for a channel over them.
class StreamTest : public testing::Test {
 public:
  ~StreamTest() noexcept override = default;  // members of KJ may throw; nothing can catch it here

 protected:
  struct Channel {
    kj::Own<NoiseStream> client;
    kj::Own<NoiseStream> server;
  };

  kj::Own<kj::AsyncIoStream> client_socket() { return {&client_tap, kj::NullDisposer::instance}; }
  kj::Own<kj::AsyncIoStream> server_socket() { return {&server_tap, kj::NullDisposer::instance}; }

  Channel open() {
    auto client = connect(client_socket(), client_end, [](const PublicKey&) {});
    auto server = accept(server_socket(), server_end);
    auto opened = client.then([&server](kj::Own<NoiseStream> c) {
      return server.then([c = kj::mv(c)](kj::Own<NoiseStream> s) mutable {
        return Channel{kj::mv(c), kj::mv(s)};
      });
    });
    return opened.wait(io.waitScope);
  }

  // The text of the exception that the promise fails with; empty where it does not.
  template <class T>
  std::string failure(kj::Promise<T> promise) {
    std::string text;
    KJ_IF_MAYBE (e, kj::runCatchingExceptions(
                        [&] { promise.then([](auto&&...) {}).wait(io.waitScope); })) {
      EXPECT_EQ(e->getType(), kj::Exception::Type::DISCONNECTED);
      text = e->getDescription().cStr();
    }
    return text;
  }
  static bool is(const std::string& text, Reason reason) {
    return text.starts_with(std::string(name(reason)) + ": ");
  }

  void send_raw(kj::AsyncIoStream& socket, View bytes) {
    socket.write(bytes.data(), bytes.size()).wait(io.waitScope);
  }
  std::string read_text(kj::AsyncIoStream& stream, size_t size) {
    std::string out(size, 0);
    out.resize(stream.tryRead(out.data(), size, size).wait(io.waitScope));
    return out;
  }
  void write_text(kj::AsyncIoStream& stream, std::string_view text) {
    stream.write(text.data(), text.size()).wait(io.waitScope);
  }
  void pass(milliseconds time) {
    io.provider->getTimer().afterDelay(time.count() * kj::MILLISECONDS).wait(io.waitScope);
  }

  kj::AsyncIoContext io = kj::setupAsyncIo();
  kj::TwoWayPipe pipe = io.provider->newTwoWayPipe();
  kj::AsyncIoStream& raw_client = *pipe.ends[0];
  kj::AsyncIoStream& raw_server = *pipe.ends[1];
  Tap client_tap{raw_client};
  Tap server_tap{raw_server};
  crypto::SystemRandom random;
  StaticKey client_key = crypto::generate_x25519_key(random);
  StaticKey server_key = crypto::generate_x25519_key(random);
  Endpoint client_end{client_key, random, io.provider->getTimer(), {}};
  Endpoint server_end{server_key, random, io.provider->getTimer(), {}};
};

}  // namespace qnpc::noise
