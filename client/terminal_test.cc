#include "client/terminal.h"

#include <gtest/gtest.h>

namespace qnpc::client {
namespace {

TEST(EscapeControls, LeavesTextAlone) {
  for (const char* text : {"", "hello", "two\nlines\tand a tab", "grüße 漢字 🙂"}) {
    EXPECT_EQ(escape_controls(text), text);
  }
}

TEST(EscapeControls, WritesOutWhatControlsATerminal) {
  EXPECT_EQ(escape_controls("\x1b]0;owned\x07"), "\\x1b]0;owned\\x07");
  EXPECT_EQ(escape_controls("a\rb\x7f"), "a\\x0db\\x7f");
  EXPECT_EQ(escape_controls(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(escape_controls("\xc2\x9b"), "\\x9b");  // CSI as one character
  EXPECT_EQ(escape_controls("\xe2\x80\xae"), "\\u202e");
}

TEST(EscapeControls, WritesOutWhatIsNotUtf8) {
  EXPECT_EQ(escape_controls("\xff\xc3"), "\\xff\\xc3");
}

}  // namespace
}  // namespace qnpc::client
