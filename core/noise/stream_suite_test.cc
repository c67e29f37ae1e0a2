// Which suite a channel speaks, and what becomes of those who do not agree on one.
#include "qnpc/noise/handshake.h"
#include "qnpc/noise/stream_test_support.h"

namespace qnpc::noise {
namespace {

using SuiteTest = StreamTest;

// What of an honest initiator's classic handshake is not honest: the payload of its third message.
TEST_F(SuiteTest, APayloadThatListsNoSuiteOfTheHandshakeIsRefused) {
  const auto accepted_with = [&](View payload) {
    pipe = io.provider->newTwoWayPipe();
    Tap tap(*pipe.ends[1]);
    auto server = accept({&tap, kj::NullDisposer::instance}, server_end);
    Handshake handshake(xx, Role::initiator, client_key, random);
    Bytes frame;
    codec::LengthPrefixedCodec::encode(frame, handshake.write_message());
    send_raw(*pipe.ends[0], frame);
    Bytes answer(2 + 96 + 2);
    pipe.ends[0]->read(answer.data(), answer.size()).wait(io.waitScope);
    EXPECT_EQ(from_payload(handshake.read_message(View(answer).subspan(2))), all_suites);
    frame.clear();
    codec::LengthPrefixedCodec::encode(frame, handshake.write_message(payload));
    send_raw(*pipe.ends[0], frame);
    return failure(kj::mv(server));
  };
  EXPECT_EQ(accepted_with(Bytes{1}), "");
  EXPECT_EQ(accepted_with(Bytes{0, 9, 255, 2, 1, 1}), "");  // what we do not know is no error
  EXPECT_TRUE(is(accepted_with({}), Reason::malformed));
  EXPECT_TRUE(is(accepted_with(Bytes{2}), Reason::unsupported));
  EXPECT_TRUE(is(accepted_with(Bytes{9}), Reason::unsupported));
  EXPECT_TRUE(is(accepted_with(Bytes(17, 1)), Reason::too_large));
}

TEST_F(SuiteTest, TheInitiatorsFirstSuiteIsSpoken) {
  for (const Suites& suites : {Suites{Suite::hybrid, Suite::classic},
                               Suites{Suite::classic, Suite::hybrid}, Suites{Suite::classic}}) {
    pipe = io.provider->newTwoWayPipe();
    Tap client_end_of_it(*pipe.ends[0]), server_end_of_it(*pipe.ends[1]);
    client_end.options.suites = suites;
    auto accepted = accept({&server_end_of_it, kj::NullDisposer::instance}, server_end);
    auto client = connect({&client_end_of_it, kj::NullDisposer::instance}, client_end, [](auto&) {
                  }).wait(io.waitScope);
    auto server = accepted.wait(io.waitScope);
    EXPECT_EQ(client->agreement().suite, suites.front());
    EXPECT_EQ(server->agreement().suite, suites.front());
    EXPECT_EQ(client->agreement().peer_suites, all_suites);  // so a worse choice is noticed
    EXPECT_EQ(server->agreement().peer_suites, suites);
  }
}

TEST_F(SuiteTest, ASuiteThatTheResponderDoesNotAcceptIsRefusedOnBothSides) {
  server_end.options.suites = {Suite::hybrid};
  client_end.options.suites = {Suite::classic, Suite::hybrid};
  auto server = accept(server_socket(), server_end);
  auto client = connect(client_socket(), client_end, [](const PublicKey&) {});
  EXPECT_TRUE(is(failure(kj::mv(client)), Reason::unsupported));
  EXPECT_TRUE(is(failure(kj::mv(server)), Reason::unsupported));
  EXPECT_EQ(client_tap.writes, 1);  // it does not say who it is
}

}  // namespace
}  // namespace qnpc::noise
