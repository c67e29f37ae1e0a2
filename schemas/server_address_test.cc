#include "schemas/server_address.h"

#include <gtest/gtest.h>

#include "qnpc/base/error.h"

namespace qnpc::rpc {
namespace {

const std::string key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";  // bytes 0 to 31

std::string refusal(const std::string& text) {
  try {
    parse_server_address(text, 7000);
    return {};
  } catch (const Error& error) {
    EXPECT_EQ(error.reason(), Reason::usage);
    return error.what();
  }
}

TEST(ServerAddress, RoundTripWithItsKey) {
  for (const char* place : {"chat.example.org:7000", "127.0.0.1:1", "[::1]:65535"}) {
    const std::string text = std::string("qnpc://") + place + "/" + key;
    const ServerAddress address = parse_server_address(text, 0);
    EXPECT_EQ(address.to_text(), text);
    EXPECT_EQ(address.host_and_port(), place);
    for (uint8_t i = 0; i < 32; ++i) EXPECT_EQ(address.key->at(i), i);
  }
}

TEST(ServerAddress, WithoutAKeyOrAPort) {
  const ServerAddress bare = parse_server_address("Chat.Example.org", 7000);
  EXPECT_EQ(bare.host_and_port(), "chat.example.org:7000");
  EXPECT_FALSE(bare.key.has_value());
  EXPECT_EQ(parse_server_address("[FE80::1]", 7001).host_and_port(), "[fe80::1]:7001");
  EXPECT_EQ(parse_server_address("[FE80::1%Eth0.1]", 7001).host_and_port(),
            "[fe80::1%Eth0.1]:7001");
  EXPECT_EQ(parse_server_address("qnpc://h/" + key, 7000).to_text(), "qnpc://h:7000/" + key);
}

TEST(ServerAddress, RefusesOtherShapes) {
  for (const char* text : {"",
                           ":",
                           ":7000",
                           "h:",
                           "h:0",
                           "h:65536",
                           "h:-1",
                           "h:+1",
                           "h:70x",
                           "h: 70",
                           "::1:7000",
                           "[::1",
                           "[]:7000",
                           "[::1]7000",
                           "[host]:7000",
                           "[fe80::1%]:7000",
                           "[fe80::1%a%b]:7000",
                           "[%eth0]:7000",
                           "h%eth0:7000",
                           "unix:/tmp/x",
                           "h o:7000",
                           "h\n:7000",
                           "http://h:7000",
                           "h:7000/",
                           "\xc3\xa4:7000"}) {
    EXPECT_NE(refusal(text), "") << text;
  }
  EXPECT_NE(refusal(std::string(300, 'h') + ":7000"), "");
}

// A key that was cut off, or mistyped, must not pass for one that names another server.
TEST(ServerAddress, RefusesAKeyThatIsNotWhole) {
  const std::string place = "qnpc://h:7000";
  EXPECT_NE(refusal(place).find("the key is missing"), std::string::npos);
  for (const std::string& wrong : {std::string(), key.substr(1), key + "A", key + "=", key + "/",
                                   key.substr(0, 42) + "9", key.substr(0, 42) + "+", "/" + key}) {
    EXPECT_NE(refusal(place + "/" + wrong).find("Copy all of it"), std::string::npos) << wrong;
  }
}

}  // namespace
}  // namespace qnpc::rpc
