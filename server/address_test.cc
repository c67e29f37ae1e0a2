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

TEST(Address, ClientsAreToldWhatTheServerListensOnOrWhatItsOperatorSays) {
  auto told = [](const std::string& given, const std::string& listen, const char* bound) {
    auto address = public_address(given, listen, resolve(bound));
    return address ? address->host_and_port() : "nothing";
  };
  EXPECT_EQ(told("", "localhost:0", "127.0.0.1:7123"), "localhost:7123");
  EXPECT_EQ(told("", "[::1]:7000", "[::1]:7000"), "[::1]:7000");
  EXPECT_EQ(told("", "0.0.0.0:7000", "0.0.0.0:7000"), "nothing");
  EXPECT_EQ(told("", "[::]:7000", "[::]:7000"), "nothing");
  EXPECT_EQ(told("", "[fe80::1%lo]:7000", "[::1]:7000"), "nothing");
  EXPECT_EQ(told("", "h\xc3\xa4:7000", "[::1]:7000"), "nothing");
  EXPECT_EQ(told("chat.example.org", "[::]:0", "[::]:7123"), "chat.example.org:7123");
  EXPECT_EQ(told("chat.example.org:443", "127.0.0.1:7000", "127.0.0.1:7000"),
            "chat.example.org:443");
  for (const char* given : {"a b", "h:0", "http://h", "::1",
                            "qnpc://h:1/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}) {
    EXPECT_EQ(test::reason_of([&] { told(given, "[::1]:7000", "[::1]:7000"); }), Reason::usage)
        << given;
  }
}

TEST(Address, TellsWhatOnlyThisMachineReaches) {
  for (const char* own : {"127.0.0.1:1", "127.8.9.10:1", "[::1]:1"}) {
    EXPECT_TRUE(is_loopback(resolve(own))) << own;
  }
  for (const char* other : {"0.0.0.0:1", "128.0.0.1:1", "[::]:1", "[2001:db8::1]:1"}) {
    EXPECT_FALSE(is_loopback(resolve(other))) << other;
  }
}

}  // namespace
}  // namespace qnpc::server
