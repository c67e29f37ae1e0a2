// relay_test: a peer in the middle, with a channel to each side, passes on what the other says.
#include <gtest/gtest.h>

#include "qnpc/crypto/signature.h"
#include "schemas/delivery.capnp.h"
#include "schemas/login.h"
#include "schemas/rpc_error.h"
#include "tests/support/log_client.h"
#include "tests/support/server_process.h"
#include "tests/support/temporary_directory.h"

namespace qnpc {
namespace {

using test::as_data;
using DeliveryClient = test::NoiseClient<rpc::DeliveryService>;

/// What it is asked, it asks the server.
class Relay final : public rpc::DeliveryService::Server {
 public:
  explicit Relay(rpc::DeliveryService::Client server) : server_(kj::mv(server)) {}

  kj::Promise<void> login(LoginContext context) override {
    auto request = server_.loginRequest();
    request.setIdentityKey(context.getParams().getIdentityKey());
    request.setSignature(context.getParams().getSignature());
    return request.send().then(
        [context](auto&& answer) mutable { context.getResults().setSession(answer.getSession()); },
        [](kj::Exception&& refusal) {
          kj::throwFatalException(rpc::to_exception(rpc::from_exception(refusal)));
        });
  }

 private:
  rpc::DeliveryService::Client server_;
};

class RelayTest : public testing::Test {
 protected:
  ~RelayTest() noexcept override = default;

  void SetUp() override { server.wait_ready(); }

  /// What becomes of a login that is signed for the channel with that hash; nothing: it succeeds.
  std::optional<Reason> login(rpc::DeliveryService::Client service, View handshake_hash) {
    constexpr auto ed25519 = crypto::SignatureScheme::ed25519;
    auto request = service.loginRequest();
    request.setIdentityKey(as_data(identity.public_key));
    request.setSignature(
        as_data(crypto::sign(ed25519, identity, rpc::login_message(handshake_hash))));
    try {
      request.send().wait(io.waitScope);
    } catch (const kj::Exception& exception) {
      return rpc::from_exception(exception).reason();
    }
    return std::nullopt;
  }

  kj::AsyncIoContext io = kj::setupAsyncIo();
  test::TemporaryDirectory directory;
  test::ServerProcess server{QNPC_SERVER,
                             {"--data-dir", directory.file("data"), "--listen", "127.0.0.1:0",
                              "--ds-listen", "127.0.0.1:0"}};
  crypto::SystemRandom random;
  const crypto::SignatureKeyPair identity =
      crypto::generate_signature_key(crypto::SignatureScheme::ed25519, random);
};

TEST_F(RelayTest, ALoginThatARelayPassesOnIsRefused) {
  DeliveryClient relays_own(io, server.delivery, server.key);

  // Between the victim, who trusts it at first use, and the relay there is a real channel too.
  kj::TwoWayPipe pipe = io.provider->newTwoWayPipe();
  const noise::StaticKey relay_key = crypto::generate_x25519_key(random);
  const noise::StaticKey victim_key = crypto::generate_x25519_key(random);
  noise::Endpoint relay_end{relay_key, random, io.provider->getTimer()};
  noise::Endpoint victim_end{victim_key, random, io.provider->getTimer()};
  auto accepting = noise::accept(kj::mv(pipe.ends[0]), relay_end);
  auto connecting = noise::connect(kj::mv(pipe.ends[1]), victim_end, [](const auto&) {});
  auto relays_stream = accepting.wait(io.waitScope);
  auto victims_stream = connecting.wait(io.waitScope);
  capnp::TwoPartyServer relay(kj::heap<Relay>(relays_own.service));
  relay.accept(kj::mv(relays_stream));
  capnp::TwoPartyClient victim(*victims_stream);
  auto service = victim.bootstrap().castAs<rpc::DeliveryService>();

  EXPECT_EQ(login(service, victims_stream->handshake_hash()), Reason::unauthorized);
  // It is the channel alone that makes the difference: signed for the relay's own, it would do.
  EXPECT_EQ(login(service, relays_own.handshake_hash()), std::nullopt);
  // And without a relay the victim's does.
  DeliveryClient direct(io, server.delivery, server.key);
  EXPECT_EQ(login(direct.service, direct.handshake_hash()), std::nullopt);
}

}  // namespace
}  // namespace qnpc
