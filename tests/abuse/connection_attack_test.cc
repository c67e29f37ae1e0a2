// connection_attack_test: peers who come and do not get to the point: before and in the handshake.
#include "qnpc/codec/length_prefixed.h"
#include "tests/abuse/attack.h"

namespace qnpc::abuse {
namespace {

class ConnectionAttack : public Attack {};

TEST_F(ConnectionAttack, HandshakesThatTrickle) {
  start({"--handshake-seconds", "1"});
  withstand([&] {
    std::vector<kj::Own<kj::AsyncIoStream>> sockets;
    for (int i = 0; i < 400; ++i) {
      sockets.push_back(connect_from(static_cast<uint8_t>(2 + i % 4), server->delivery));
    }
    Bytes hello;
    codec::LengthPrefixedCodec::encode(hello, Bytes(1216));
    for (size_t i = 0; goes_on() || i < 30; ++i) {
      for (auto& socket : sockets) {
        kj::evalNow([&] {
          return socket->write(&hello[i % hello.size()], 1);
        }).catch_([](kj::Exception&&) {
          }).wait(io.waitScope);
      }
      pause(0.05);
    }
  });
  wait_until([&] { return metric("handshakes_failed_total{reason=\"timeout\"}") > 100; });
}

TEST_F(ConnectionAttack, TenThousandThatStayHalfOpen) {
  start();
  std::vector<kj::Own<kj::AsyncIoStream>> sockets;
  withstand([&] {
    for (int i = 0; i < 10'000; ++i) {
      sockets.push_back(connect_from(static_cast<uint8_t>(2 + i % 10), server->delivery));
    }
    while (goes_on()) pause(0.1);
  });
  EXPECT_GT(hits("handshakes"), 1000);
}

TEST_F(ConnectionAttack, HandshakesOfGarbage) {
  start();
  withstand([&] {
    for (uint8_t i = 0; goes_on(); ++i) {
      auto socket = connect_from(static_cast<uint8_t>(2 + i % 8), server->delivery);
      Bytes frames;
      codec::LengthPrefixedCodec::encode(frames, random.bytes(i % 2 == 0 ? 1216 : 32));
      append(frames, random.bytes(i));
      socket->write(frames.data(), frames.size()).catch_([](kj::Exception&&) {}).wait(io.waitScope);
    }
    // Some of it looks like a message 1, and then the peer has gone.
    wait_until([&] {
      double failed = 0;
      for (const char* reason : {"handshake_failed", "truncated", "too_large", "unknown"}) {
        failed += metric(std::string("handshakes_failed_total{reason=\"") + reason + "\"}");
      }
      return failed > 0;
    });
  });
}

TEST_F(ConnectionAttack, WhoeverHasAChannelAndSaysNothing) {
  start({"--login-seconds", "1"});
  std::vector<kj::Own<noise::NoiseStream>> channels;
  withstand([&] {
    for (int i = 0; i < 200; ++i) {
      KJ_IF_MAYBE (channel, channel_from(static_cast<uint8_t>(2 + i % 4))) {
        channels.push_back(kj::mv(*channel));
      }
    }
    pause(1.5);
  });
  EXPECT_GT(channels.size(), 100u);
  wait_until([&] { return hits("login-seconds") >= static_cast<double>(channels.size()); });
}

/// A socket of which we keep an end: what goes past the channel over it.
class Shared final : public kj::AsyncIoStream {
 public:
  explicit Shared(kj::AsyncIoStream& socket) : socket_(socket) {}
  kj::Promise<size_t> tryRead(void* buffer, size_t min, size_t max) override {
    return socket_.tryRead(buffer, min, max);
  }
  kj::Promise<void> write(const void* buffer, size_t size) override {
    return socket_.write(buffer, size);
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    return socket_.write(pieces);
  }
  kj::Promise<void> whenWriteDisconnected() override { return socket_.whenWriteDisconnected(); }
  void shutdownWrite() override { socket_.shutdownWrite(); }

 private:
  kj::AsyncIoStream& socket_;
};

TEST_F(ConnectionAttack, FramesThatTrickleInAChannel) {
  start({"--login-seconds", "2"});
  struct Peer {
    kj::Own<kj::AsyncIoStream> socket;
    kj::Own<noise::NoiseStream> channel;  // over it
  };
  std::vector<Peer> peers;
  withstand([&] {
    for (int i = 0; i < 200; ++i) {
      auto socket = connect_from(static_cast<uint8_t>(2 + i % 4), server->delivery);
      KJ_IF_MAYBE (channel, channel_over(kj::heap<Shared>(*socket))) {
        peers.push_back({kj::mv(socket), kj::mv(*channel)});
      }
    }
    // The longest frame there is, a byte at a time.
    for (size_t i = 0; goes_on() || i < 50; ++i) {
      const uint8_t byte = 0xff;
      for (Peer& peer : peers) {
        kj::evalNow([&] {
          return peer.socket->write(&byte, 1);
        }).catch_([](kj::Exception&&) {
          }).wait(io.waitScope);
      }
      pause(0.05);
    }
  });
  EXPECT_GT(peers.size(), 100u);
  wait_until([&] { return hits("login-seconds") >= static_cast<double>(peers.size()); });
}

// Server.SurvivesRunningOutOfFileDescriptors sees that there are none.
TEST_F(ConnectionAttack, WhenThereAreNoFileDescriptorsLeft) {
  start({}, 64);
  withstand([&] {
    std::vector<kj::Own<kj::AsyncIoStream>> sockets;
    for (int i = 0; i < 200; ++i) sockets.push_back(connect_from(2, server->delivery));
    while (goes_on()) pause(0.1);
  });
}

}  // namespace
}  // namespace qnpc::abuse
