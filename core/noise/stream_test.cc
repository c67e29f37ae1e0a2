// Noise channels over real sockets: RPC through them, hostile peers, ends and limits.
#include "qnpc/noise/stream.h"

#include <capnp/rpc-twoparty.h>
#include <capnp/serialize.h>

#include "qnpc/noise/handshake.h"
#include "qnpc/noise/stream_rpc.h"
#include "qnpc/noise/stream_test_support.h"
#include "schemas/envelope.capnp.h"

namespace qnpc::noise {
namespace {

class PingService final : public rpc::EnvelopeExchange::Server {
 protected:
  kj::Promise<void> exchange(ExchangeContext context) override {
    auto request = context.getParams().getRequest();
    auto reply = context.getResults().initReply();
    reply.setMsgType(rpc::MsgType::PONG);
    reply.setPayload(request.getPayload());
    return kj::READY_NOW;
  }
};

TEST_F(StreamTest, BothSidesKnowEachOtherAndTheChannel) {
  Channel channel = open();
  EXPECT_EQ(channel.client->remote_static(), server_key.public_key);
  EXPECT_EQ(channel.server->remote_static(), client_key.public_key);
  EXPECT_EQ(channel.client->handshake_hash(), channel.server->handshake_hash());
}

TEST_F(StreamTest, BytesBehindTheHandshakeAreNotLost) {
  // The client's first message may arrive together with the end of its handshake.
  auto server = accept(server_socket(), server_end);
  auto client = connect(client_socket(), client_end, [](const PublicKey&) {}).wait(io.waitScope);
  write_text(*client, "early");
  client->when_drained().wait(io.waitScope);
  EXPECT_EQ(read_text(*server.wait(io.waitScope), 5), "early");
}

// --- RPC ---

class RpcTest : public StreamTest {
 protected:
  struct Rpc {
    explicit Rpc(Channel&& opened)
        : channel(kj::mv(opened)),
          network(server_messages, capnp::rpc::twoparty::Side::SERVER),
          system(capnp::makeRpcServer(network, kj::heap<PingService>())),
          client(*channel.client),
          service(client.bootstrap().castAs<rpc::EnvelopeExchange>()) {}

    kj::Promise<size_t> ping(size_t size) {
      auto request = service.exchangeRequest();
      auto payload = request.initRequest().initPayload(static_cast<kj::uint>(size));
      for (size_t i = 0; i < size; ++i) payload[i] = static_cast<kj::byte>(i * 31 >> 3);
      return request.send().then([size](auto&& response) {
        auto echoed = response.getReply().getPayload();
        for (size_t i = 0; i < echoed.size(); ++i) {
          KJ_REQUIRE(echoed[i] == static_cast<kj::byte>(i * 31 >> 3));
        }
        KJ_REQUIRE(echoed.size() == size);
        return echoed.size();
      });
    }
    kj::Promise<void> pings(int count, size_t size) {
      auto all = kj::heapArrayBuilder<kj::Promise<void>>(static_cast<size_t>(count));
      for (int i = 0; i < count; ++i) all.add(ping(size).ignoreResult());
      return kj::joinPromises(all.finish());
    }

    // The server reads whole messages, the client the generic way: each understands the other.
    Channel channel;
    RpcStream server_messages{*channel.server};
    capnp::TwoPartyVatNetwork network;
    capnp::RpcSystem<capnp::rpc::twoparty::VatId> system;
    capnp::TwoPartyClient client;
    rpc::EnvelopeExchange::Client service;
  };
};

TEST_F(RpcTest, CallsOverTcp) {
  auto& network = io.provider->getNetwork();
  auto listener = network.parseAddress("127.0.0.1").wait(io.waitScope)->listen();
  auto address = network.parseAddress("127.0.0.1", listener->getPort()).wait(io.waitScope);
  pipe.ends[0] = address->connect().wait(io.waitScope);
  pipe.ends[1] = listener->accept().wait(io.waitScope);
  Tap client(*pipe.ends[0]);
  Tap server(*pipe.ends[1]);
  auto accepted = accept({&server, kj::NullDisposer::instance}, server_end);
  auto connected = connect({&client, kj::NullDisposer::instance}, client_end, [](auto&) {});
  Channel channel;
  channel.client = connected.wait(io.waitScope);
  channel.server = accepted.wait(io.waitScope);
  Rpc rpc(kj::mv(channel));
  rpc.pings(100, 1024).wait(io.waitScope);
}

TEST_F(RpcTest, LargeMessagesAreIntact) {
  Rpc rpc(open());
  for (size_t size : {65000, 66000, 4 << 20}) rpc.ping(size).wait(io.waitScope);
}

TEST_F(RpcTest, ASlowTrickleOfBytesIsIntact) {
  Rpc rpc(open());
  client_tap.longest_read = server_tap.longest_read = 1;
  rpc.ping(100000).wait(io.waitScope);
}

TEST_F(RpcTest, SmallWritesAreCoalesced) {
  Rpc rpc(open());
  rpc.ping(1).wait(io.waitScope);
  client_tap.writes = server_tap.writes = 0;
  rpc.pings(1000, 100).wait(io.waitScope);  // about 180 KB each way
  EXPECT_LT(client_tap.writes, 25);
  EXPECT_LT(server_tap.writes, 25);
}

TEST_F(RpcTest, APeerThatNeverReadsIsDroppedAndItsQueueIsHarmless) {
  server_end.options.output.read_gate = 64 << 10;
  server_end.options.output.write_stall = milliseconds(50);
  Rpc rpc(open());
  rpc.ping(1).wait(io.waitScope);
  client_tap.deaf = true;
  pass(milliseconds(1));
  auto calls = rpc.pings(20000, 1024).eagerlyEvaluate(nullptr);
  rpc.network.onDisconnect().wait(io.waitScope);
  EXPECT_TRUE(is(failure(rpc.channel.server->when_drained()), Reason::timeout));
  EXPECT_LT(rpc.channel.server->pending_output(), size_t{1} << 20);
}

TEST_F(RpcTest, TheGateOpensAgain) {
  server_end.options.output.read_gate = 1;
  Rpc rpc(open());
  rpc.pings(2000, 1024).wait(io.waitScope);
}

TEST_F(RpcTest, AMessageOverTheReadersLimitIsRefused) {
  Channel channel = open();
  RpcStream messages(*channel.server);
  capnp::MallocMessageBuilder message;
  message.initRoot<rpc::Envelope>().initPayload(1000);
  // Three in one Noise message: the first is waited for, the others are at hand.
  for (int i = 0; i < 3; ++i) capnp::writeMessage(*channel.client, message).wait(io.waitScope);
  capnp::ReaderOptions options;
  for (int i = 0; i < 2; ++i) {
    messages.tryReadMessage(nullptr, options, nullptr).wait(io.waitScope);
  }
  options.traversalLimitInWords = 100;
  EXPECT_ANY_THROW(messages.tryReadMessage(nullptr, options, nullptr).wait(io.waitScope));
}

TEST_F(RpcTest, ALongMessageIsAdmittedBeforeItIsRead) {
  Channel channel = open();
  size_t asked = 0;
  auto permit = std::make_shared<int>();
  RpcStream messages(*channel.server, [&](size_t bytes) {
    asked = bytes;
    return permit;
  });
  capnp::MallocMessageBuilder message;
  message.initRoot<rpc::Envelope>().initPayload(100'000);
  auto sent = capnp::writeMessage(*channel.client, message);
  {
    auto read = messages.tryReadMessage(nullptr, {}, nullptr).wait(io.waitScope);
    EXPECT_EQ(asked, capnp::messageToFlatArray(message).asBytes().size());
    EXPECT_EQ(permit.use_count(), 2);  // ours and the message's
    auto root = KJ_ASSERT_NONNULL(read).reader->getRoot<rpc::Envelope>();
    EXPECT_EQ(root.getPayload().size(), 100'000u);
  }
  EXPECT_EQ(permit.use_count(), 1);
}

TEST_F(RpcTest, AMessageThatIsNotAdmittedIsNotRead) {
  Channel channel = open();
  RpcStream messages(*channel.server, [](size_t) -> std::shared_ptr<void> {
    throw Error(Reason::overloaded, "no");
  });
  const uint32_t header[] = {0, 100'000};  // and nothing behind it
  channel.client->write(header, sizeof(header)).wait(io.waitScope);
  EXPECT_TRUE(is(failure(messages.tryReadMessage(nullptr, {}, nullptr).ignoreResult()),
                 Reason::overloaded));
}

TEST_F(RpcTest, AMessageOfSeveralSegmentsIsReadAndOneOfTooManyIsNot) {
  Channel channel = open();
  RpcStream messages(*channel.server);
  for (kj::uint first_words : {1u, 2u, 3u}) {
    capnp::MallocMessageBuilder message(first_words, capnp::AllocationStrategy::FIXED_SIZE);
    message.initRoot<rpc::Envelope>().initPayload(5);
    capnp::writeMessage(*channel.client, message).wait(io.waitScope);
    auto read = messages.tryReadMessage(nullptr, {}, nullptr).wait(io.waitScope);
    auto root = KJ_ASSERT_NONNULL(read).reader->getRoot<rpc::Envelope>();
    EXPECT_EQ(root.getPayload().size(), 5u);
  }
  const uint32_t header[] = {UINT32_MAX, 1};
  channel.client->write(header, sizeof(header)).wait(io.waitScope);
  EXPECT_TRUE(
      is(failure(messages.tryReadMessage(nullptr, {}, nullptr).ignoreResult()), Reason::too_large));
}

// --- Handshakes with hostile peers ---

class BadHandshake : public StreamTest {
 protected:
  BadHandshake() { server_end.options.handshake_time = milliseconds(50); }

  // What our server makes of a peer that sends this and then holds the line.
  std::string accept_after(View bytes) {
    auto server = accept(server_socket(), server_end);
    if (!bytes.empty()) send_raw(raw_client, bytes);
    return failure(kj::mv(server));
  }
};

TEST_F(BadHandshake, SilenceEndsAtTheDeadline) {
  EXPECT_TRUE(is(accept_after({}), Reason::timeout));
}

TEST_F(BadHandshake, HalfAFrameEndsAtTheDeadline) {
  Bytes half(20);
  codec::LengthPrefixedCodec::write_header(half, 32);
  EXPECT_TRUE(is(accept_after(half), Reason::timeout));
}

TEST_F(BadHandshake, ATrickleDoesNotMoveTheDeadline) {
  auto server = accept(server_socket(), server_end);
  bool failed = false;
  auto end = server.ignoreResult().catch_([&](kj::Exception&&) { failed = true; });
  auto watch = end.eagerlyEvaluate(nullptr);
  for (int i = 0; i < 32 && !failed; ++i) {
    Bytes byte{static_cast<uint8_t>(i == 1 ? 32 : 0)};
    send_raw(raw_client, byte);
    pass(milliseconds(5));
  }
  EXPECT_TRUE(failed);
}

TEST_F(BadHandshake, AnOversizedFrameIsRefusedAtOnce) {
  EXPECT_TRUE(is(accept_after(as_view("GET / HTTP/1.1\r\n")), Reason::too_large));
}

TEST_F(BadHandshake, AShortFrameIsRefusedAtOnce) {
  EXPECT_TRUE(is(accept_after(Bytes{0, 1, 0}), Reason::handshake_failed));
}

TEST_F(BadHandshake, AKeyOfLowOrderIsRefused) {
  Bytes zeros(2 + 32);
  zeros[1] = 32;
  EXPECT_TRUE(is(accept_after(zeros), Reason::bad_key));
}

TEST_F(BadHandshake, AWrongTagIsRefused) {
  Bytes garbage;
  codec::LengthPrefixedCodec::encode(garbage, random.bytes(32));
  codec::LengthPrefixedCodec::encode(garbage, random.bytes(64));
  EXPECT_TRUE(is(accept_after(garbage), Reason::handshake_failed));
}

TEST_F(BadHandshake, APayloadInTheFirstMessageIsRefused) {
  Bytes first;
  Handshake handshake(xx, Role::initiator, client_key, random);
  codec::LengthPrefixedCodec::encode(first, handshake.write_message(as_view("hello")));
  EXPECT_TRUE(is(accept_after(first), Reason::handshake_failed));
}

TEST_F(BadHandshake, AnEndInTheMiddleIsATruncation) {
  auto server = accept(server_socket(), server_end);
  raw_client.shutdownWrite();
  EXPECT_TRUE(is(failure(kj::mv(server)), Reason::truncated));
}

TEST_F(BadHandshake, OthersAreNotDisturbed) {
  Channel good = open();
  auto other = io.provider->newTwoWayPipe();
  auto bad = accept(kj::mv(other.ends[1]), server_end);
  send_raw(*other.ends[0], Bytes{0xff, 0xff});
  EXPECT_TRUE(is(failure(kj::mv(bad)), Reason::too_large));
  write_text(*good.client, "still here");
  EXPECT_EQ(read_text(*good.server, 10), "still here");
}

TEST_F(StreamTest, ARefusedResponderDoesNotLearnWhoCalled) {
  auto server = accept(server_socket(), server_end);
  PublicKey seen{};
  auto client = connect(client_socket(), client_end, [&](const PublicKey& key) {
    seen = key;
    throw Error(Reason::pin_mismatch, "the server shows another key");
  });
  EXPECT_TRUE(is(failure(kj::mv(client)), Reason::pin_mismatch));
  EXPECT_EQ(seen, server_key.public_key);
  EXPECT_EQ(client_tap.writes, 1);  // the first message, never the third
}

// --- Ends, and what comes in place of messages ---

TEST_F(StreamTest, TheAuthenticatedCloseIsAnEof) {
  Channel channel = open();
  write_text(*channel.client, "last");
  channel.client->shutdownWrite();
  EXPECT_EQ(read_text(*channel.server, 10), "last");
  EXPECT_EQ(read_text(*channel.server, 1), "");
  write_text(*channel.server, "the other direction goes on");
  EXPECT_EQ(read_text(*channel.client, 27), "the other direction goes on");
}

TEST_F(StreamTest, ADrainedStreamCanBeDestroyedInGoodOrder) {
  Channel channel = open();
  write_text(*channel.client, "last");
  channel.client->shutdownWrite();
  channel.client->when_drained().wait(io.waitScope);
  channel.client = nullptr;
  EXPECT_EQ(read_text(*channel.server, 10), "last");
}

TEST_F(StreamTest, ABareEofIsATruncation) {
  Channel channel = open();
  raw_client.shutdownWrite();
  char byte;
  EXPECT_TRUE(is(failure(channel.server->tryRead(&byte, 1, 1)), Reason::truncated));
}

TEST_F(StreamTest, AnEofWithinAFrameIsATruncation) {
  Channel channel = open();
  send_raw(raw_client, Bytes{0, 100, 1, 2, 3});
  raw_client.shutdownWrite();
  char byte;
  EXPECT_TRUE(is(failure(channel.server->tryRead(&byte, 1, 1)), Reason::truncated));
}

TEST_F(StreamTest, AWrongTagEndsBothDirections) {
  Channel channel = open();
  Bytes frame;
  codec::LengthPrefixedCodec::encode(frame, random.bytes(100));
  send_raw(raw_client, frame);
  char byte;
  EXPECT_TRUE(is(failure(channel.server->tryRead(&byte, 1, 1)), Reason::decrypt_failed));
  EXPECT_TRUE(is(failure(channel.server->tryRead(&byte, 1, 1)), Reason::decrypt_failed));
  EXPECT_TRUE(is(failure(channel.server->write("x", 1)), Reason::decrypt_failed));
}

TEST_F(StreamTest, AFrameShorterThanATagIsRefused) {
  Channel channel = open();
  send_raw(raw_client, Bytes{0, 0});
  char byte;
  EXPECT_TRUE(is(failure(channel.server->tryRead(&byte, 1, 1)), Reason::decrypt_failed));
}

TEST_F(StreamTest, AnEmptyWriteIsNoClose) {
  Channel channel = open();
  write_text(*channel.client, "");
  channel.client->when_drained().wait(io.waitScope);
  write_text(*channel.client, "text");
  EXPECT_EQ(read_text(*channel.server, 4), "text");
}

// --- Output limits ---

TEST_F(StreamTest, OutputOverTheCapDropsTheConnection) {
  server_end.options.output.most_pending = 1 << 20;
  Channel channel = open();
  char byte;
  auto reading = channel.server->tryRead(&byte, 1, 1);
  const std::string block(1000, 'x');
  std::string text;
  for (int i = 0; i < 3000 && text.empty(); ++i) {
    text = failure(channel.server->write(block.data(), block.size()));
    EXPECT_LE(channel.server->pending_output(), size_t{1} << 20);
  }
  EXPECT_TRUE(is(text, Reason::overloaded));
  EXPECT_TRUE(is(failure(kj::mv(reading)), Reason::overloaded));
  channel.server->shutdownWrite();  // harmless by now
}

TEST_F(StreamTest, AQueueOfManyMessagesIsDestroyedWithoutRecursion) {
  Channel channel = open();
  const std::string block(300, 'x');
  for (int i = 0; i < 100000; ++i) write_text(*channel.server, block);
  EXPECT_GT(channel.server->pending_output(), size_t{20} << 20);
}

TEST_F(StreamTest, AWriteStallFailsAPendingRead) {
  server_end.options.output.write_stall = milliseconds(20);
  Channel channel = open();
  char byte;
  auto reading = channel.server->tryRead(&byte, 1, 1);
  write_text(*channel.server, std::string(size_t{4} << 20, 'x'));
  EXPECT_TRUE(is(failure(kj::mv(reading)), Reason::timeout));
}

TEST_F(StreamTest, OutputLeavesALoopThatIsNeverAtRest) {
  Channel channel = open();
  write_text(*channel.server, "hello");
  io.waitScope.setBusyPollInterval(10);
  int steps = 0;
  std::function<kj::Promise<void>()> busy = [&]() -> kj::Promise<void> {
    if (++steps == 1'000'000) return KJ_EXCEPTION(FAILED, "no output");
    return kj::evalLater(busy);
  };
  std::string heard(5, 0);
  channel.client->tryRead(heard.data(), 5, 5)
      .ignoreResult()
      .exclusiveJoin(kj::evalLater(busy))
      .wait(io.waitScope);
  EXPECT_EQ(heard, "hello");
}

TEST_F(StreamTest, DrainedMeansWithTheKernel) {
  Channel channel = open();
  const std::string text(size_t{2} << 20, 'x');
  write_text(*channel.server, text);
  auto drained = channel.server->when_drained();
  EXPECT_FALSE(drained.poll(io.waitScope));
  EXPECT_EQ(read_text(*channel.client, text.size()), text);
  drained.wait(io.waitScope);
  EXPECT_EQ(channel.server->pending_output(), 0u);
}

}  // namespace
}  // namespace qnpc::noise
