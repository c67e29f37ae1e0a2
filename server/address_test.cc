#include "server/address.h"

#include <gtest/gtest.h>

#include "tests/support/reason_of.h"

namespace qnpc::server {
namespace {

TEST(Address, ReadsBothFamiliesAndNames) {
  EXPECT_EQ(to_text(resolve("127.0.0.1:7000")), "127.0.0.1:7000");
  EXPECT_EQ(to_text(resolve("[::1]:0")), "[::1]:0");
  EXPECT_NE(to_text(resolve("localhost:65535")).find(":65535"), std::string::npos);
}

TEST(Address, RefusesOtherShapes) {
  for (const char* text : {"", ":", "7000", ":7000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                           "127.0.0.1:-1", "127.0.0.1:70x", "::1:7000", "[::1]", "[]:7000",
                           "no-such-name.invalid:7000", "127.0.0.1:700000000000000000000"}) {
    EXPECT_EQ(test::reason_of([&] { resolve(text); }), Reason::usage) << text;
  }
}

TEST(Address, SocketsShareAFreePort) {
  auto sockets = listen_on(resolve("127.0.0.1:0"), 3);
  ASSERT_EQ(sockets.size(), 3u);
  std::string first = to_text(local_address(sockets[0]));
  EXPECT_NE(first, "127.0.0.1:0");
  EXPECT_EQ(to_text(local_address(sockets[2])), first);
}

TEST(Address, APortInUseIsRefusedAlthoughItCouldBeShared) {
  auto first = listen_on(resolve("127.0.0.1:0"), 1);
  Address taken = local_address(first[0]);
  EXPECT_EQ(test::reason_of([&] { listen_on(taken, 1); }), Reason::io);
}

}  // namespace
}  // namespace qnpc::server
