#include "client/contact_book.h"

#include <gtest/gtest.h>

#include "qnpc/base/error.h"
#include "tests/support/reason_of.h"

namespace qnpc::client {
namespace {

Bytes key_of_byte(uint8_t byte) { return Bytes(32, byte); }

class ContactBookTest : public testing::Test {
 protected:
  Bytes key_of(const std::string& word) {
    return book.key_of(word, [&] {
      asked_for_others = true;
      return others;
    });
  }
  std::string refusal(const std::string& word) {
    try {
      key_of(word);
      return {};
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::usage);
      return error.what();
    }
  }

  const Bytes bob = key_of_byte(0xbb), bobby = key_of_byte(0xb0), anna = key_of_byte(0xaa);
  ContactBook book{{{.name = "bob", .key = bob},
                    {.name = "bobby", .key = bobby},
                    {.name = "anna maria", .key = anna}}};
  std::vector<Bytes> others;
  bool asked_for_others = false;
};

TEST_F(ContactBookTest, AWholeKeyANameOrItsBeginningAreOnePerson) {
  EXPECT_EQ(key_of("bob"), bob);  // though bobby begins so as well
  EXPECT_EQ(key_of("bobb"), bobby);
  EXPECT_EQ(key_of("anna"), anna);
  const Bytes stranger = key_of_byte(0x11);
  EXPECT_EQ(key_of(to_hex(stranger)), stranger);
  EXPECT_FALSE(asked_for_others);
  EXPECT_EQ(key_of("AAAAaaaa"), anna);
}

TEST_F(ContactBookTest, TheBeginningOfAKeyMeansOnlyWhoIsKnown) {
  const Bytes member = key_of_byte(0x11);
  EXPECT_NE(refusal("11111111").find("nobody called '11111111'"), std::string::npos);
  others = {anna, member, member};
  EXPECT_EQ(key_of("11111111"), member);
  EXPECT_EQ(key_of("aaaaaaaa"), anna);
  EXPECT_NE(refusal("1111111"), "");  // seven digits are no beginning
  Bytes twin = member;
  twin.back() = 0;
  others.push_back(twin);
  EXPECT_NE(refusal("11111111").find("write more of it"), std::string::npos);
  EXPECT_EQ(key_of(to_hex(twin)), twin);
}

TEST_F(ContactBookTest, WhatMeansTwoPeopleOrNobodyIsRefused) {
  EXPECT_NE(refusal("bo").find("may mean bobby, bob"), std::string::npos);
  EXPECT_NE(refusal("carol").find("64 hexadecimal digits"), std::string::npos);
  EXPECT_NE(refusal("Bob"), "");
  EXPECT_NE(refusal(""), "");
  EXPECT_NE(refusal(to_hex(bob) + "00"), "");
}

TEST_F(ContactBookTest, NamesWhoIsKnownAndShowsTheStartOfOtherKeys) {
  EXPECT_EQ(book.name_of(anna), "anna maria");
  EXPECT_EQ(book.names_of({bob, key_of_byte(0x11)}), "bob, 11111111");
  EXPECT_EQ(book.name_of({}), "");
}

TEST_F(ContactBookTest, FormerKeysAreMarkedAndBlockedAsThePersonIs) {
  const Bytes before = key_of_byte(0x22);
  const ContactBook marked{
      {{.name = "bob", .key = bob, .verified = true, .former = {before}, .blocked = true},
       {.name = "anna", .key = anna, .changed = true}}};
  EXPECT_EQ(marked.name_of(before), "bob (former key)");
  EXPECT_EQ(marked.label_of(before), " bob (former key)");
  EXPECT_EQ(marked.label_of(bob), " bob (verified) (blocked)");
  EXPECT_EQ(marked.label_of(anna), " anna (the key has changed: run `verify`)");
  EXPECT_EQ(marked.label_of(bobby), "");
  EXPECT_TRUE(marked.is_blocked(bob) && marked.is_blocked(before));
  EXPECT_FALSE(marked.is_blocked(anna) || marked.is_blocked(bobby));
}

TEST(ContactName, IsShortTextThatIsNoKeyAndNotWhatOwnMessagesAreMarkedWith) {
  for (const char* good : {"bob", "Ada", "dad", "Grüße", "anna maria", "facade", "deadbeefs"}) {
    EXPECT_NO_THROW(require_contact_name(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string("a\nb"), std::string("a\033[1m"), std::string("\xff"),
        std::string("a\xe2\x80\xae"), std::string(65, 'x'), std::string(" bob"),
        std::string("bob "), std::string("deadbeef"), std::string(64, 'a'), std::string("me")}) {
    EXPECT_EQ(test::reason_of([&] { require_contact_name(bad); }), Reason::usage) << bad;
  }
}

}  // namespace
}  // namespace qnpc::client
