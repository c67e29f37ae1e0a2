#include "server/admission.h"

#include <gtest/gtest.h>

namespace qnpc::server {
namespace {

const AdmissionLimits few{.connections = 4, .handshakes = 3, .per_address = 2};

class AdmissionTest : public testing::Test {
 protected:
  Metrics metrics;
  Admission admission{few, metrics};
};

TEST_F(AdmissionTest, BoundsConnectionsOfOneAddress) {
  auto first = admission.enter(resolve("10.0.0.1:1"));
  first->handshake_done();
  auto second = admission.enter(resolve("10.0.0.1:2"));
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(first->refused() || second->refused());
  second->handshake_done();
  EXPECT_EQ(admission.enter(resolve("10.0.0.1:3"))->refused(), Limit::connections_per_address);
  EXPECT_EQ(metrics.limits_hit[Limit::connections_per_address].value(), 1u);
  EXPECT_FALSE(admission.enter(resolve("10.0.0.2:3"))->refused());
  first.reset();
  EXPECT_FALSE(admission.enter(resolve("10.0.0.1:4"))->refused());
}

TEST_F(AdmissionTest, BoundsHandshakesAndConnections) {
  std::vector<Admission::Place> places;
  for (const char* peer : {"10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"}) {
    places.push_back(*admission.enter(resolve(peer)));
  }
  EXPECT_FALSE(admission.enter(resolve("10.0.0.4:1")));
  places[0].handshake_done();
  places[0].handshake_done();  // counts once
  places.push_back(*admission.enter(resolve("10.0.0.4:1")));
  for (auto& place : places) place.handshake_done();
  EXPECT_EQ(admission.enter(resolve("10.0.0.5:1"))->refused(), Limit::connections);
  EXPECT_EQ(admission.connections(), 4u);
  places.clear();
  EXPECT_EQ(admission.connections(), 0u);
}

TEST(Admission, WhoMayNotStayIsToldWhereFewAre) {
  Metrics metrics;
  Admission admission({.connections = 1}, metrics);
  auto first = admission.enter(resolve("10.0.0.1:1"));
  first->handshake_done();
  std::vector<Admission::Place> refused;
  const size_t share = limits::refused_connections / limits::handshakes_share;
  for (size_t i = 0; i < limits::refused_connections; ++i) {
    const Address peer = resolve("10.0.0." + std::to_string(2 + i / share) + ":1");
    refused.push_back(*admission.enter(peer));
    refused.back().handshake_done();
    EXPECT_EQ(refused.back().refused(), Limit::connections);
    if (i == share - 1) {
      EXPECT_FALSE(admission.enter(peer)) << "it has taken more than its share";
    }
  }
  EXPECT_FALSE(admission.enter(resolve("10.0.1.1:1")));
  EXPECT_EQ(admission.connections(), 1u);
  refused.pop_back();
  EXPECT_TRUE(admission.enter(resolve("10.0.1.1:1")));
  first.reset();
  EXPECT_FALSE(admission.enter(resolve("10.0.1.1:1"))->refused());
}

TEST(Admission, OneAddressHasAShareOfTheHandshakes) {
  Metrics metrics;
  Admission admission({.handshakes = 2 * limits::handshakes_share}, metrics);
  auto first = admission.enter(resolve("10.0.0.1:1"));
  auto second = admission.enter(resolve("10.0.0.1:2"));
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(admission.enter(resolve("10.0.0.1:3")));
  EXPECT_EQ(metrics.limits_hit[Limit::handshakes].value(), 1u);
  EXPECT_TRUE(admission.enter(resolve("10.0.0.2:1")));
  first->handshake_done();
  first = std::nullopt;  // counts once
  EXPECT_EQ(admission.handshakes(), 1u);
  EXPECT_TRUE(admission.enter(resolve("10.0.0.1:3")));
}

TEST(Admission, WhereNothingIsCountedByAddressOneMayHaveAll) {
  Metrics metrics;
  AdmissionLimits all = few;
  all.by_address = false;
  Admission admission(all, metrics);
  std::vector<Admission::Place> places;
  for (size_t i = 0; i < all.handshakes; ++i) {
    auto place = admission.enter(resolve("10.0.0.1:1"));
    ASSERT_TRUE(place) << i;
    places.push_back(std::move(*place));
  }
  EXPECT_FALSE(admission.enter(resolve("10.0.0.1:1")));
  EXPECT_EQ(metrics.limits_hit[Limit::handshakes].value(), 1u);
  for (auto& place : places) place.handshake_done();
  places.push_back(*admission.enter(resolve("10.0.0.1:1")));
  EXPECT_TRUE(admission.enter(resolve("10.0.0.1:1"))->refused());
  EXPECT_EQ(metrics.limits_hit[Limit::connections].value(), 1u);
}

TEST(Admission, CountsIpv6ByNetworkAndMappedAddressesAsIpv4) {
  EXPECT_EQ(host_of(resolve("[2001:db8::1]:1")), host_of(resolve("[2001:db8::2]:1")));
  EXPECT_NE(host_of(resolve("[2001:db8:0:1::1]:1")), host_of(resolve("[2001:db8::1]:1")));
  EXPECT_EQ(host_of(resolve("[::ffff:10.0.0.1]:1")), host_of(resolve("10.0.0.1:9")));
}

}  // namespace
}  // namespace qnpc::server
