#include "qnpc/qr/qr_code.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/reason_of.h"

namespace qnpc::qr {
namespace {

// The rows of the code, '#' for a dark module, read back from the half blocks.
std::vector<std::string> rows_of(const std::string& lines) {
  std::vector<std::string> rows(2);
  for (size_t i = 0; i < lines.size();) {
    std::string& upper = rows[rows.size() - 2];
    std::string& lower = rows[rows.size() - 1];
    auto take = [&](std::string_view block, const char* both) {
      if (!std::string_view(lines).substr(i).starts_with(block)) return false;
      i += block.size();
      upper += both[0];
      lower += both[1];
      return true;
    };
    if (take("█", "..") || take("▀", ".#") || take("▄", "#.") || take(" ", "##")) continue;
    EXPECT_EQ(lines[i++], '\n');
    if (i < lines.size()) rows.resize(rows.size() + 2);
  }
  return rows;
}

const std::string text = "qnpc://127.0.0.1:7000/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

TEST(QrCode, HasItsFinderPatternsAndAQuietZone) {
  const std::vector<std::string> rows = rows_of(qr_code(text, Colours::plain));
  const size_t width = rows.at(0).size();
  for (const std::string& row : rows) EXPECT_EQ(row.size(), width);
  EXPECT_EQ((width - 8 - 17) % 4, 0u);  // a version's width is 17 and four for each
  const std::vector<std::string> finder = {"#######", "#.....#", "#.###.#", "#.###.#",
                                           "#.###.#", "#.....#", "#######"};
  for (size_t y = 0; y < finder.size(); ++y) {
    EXPECT_EQ(rows[4 + y].substr(4, 7), finder[y]);
    EXPECT_EQ(rows[4 + y].substr(width - 11, 7), finder[y]);
    EXPECT_EQ(rows[width - 11 + y].substr(4, 7), finder[y]);
  }
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(rows[i], std::string(width, '.'));
    for (const std::string& row : rows) {
      EXPECT_EQ(row[i], '.');
      EXPECT_EQ(row[width - 1 - i], '.');
    }
  }
}

TEST(QrCode, IsOfItsText) {
  EXPECT_EQ(qr_code(text, Colours::plain), qr_code(text, Colours::plain));
  EXPECT_NE(qr_code(text, Colours::plain), qr_code(text + "x", Colours::plain));
}

TEST(QrCode, SaysItsColoursToATerminalOnEachLine) {
  const std::string coloured = qr_code(text, Colours::terminal);
  EXPECT_EQ(qr_code(text, Colours::plain).find('\033'), std::string::npos);
  for (size_t i = 0; i < coloured.size(); i = coloured.find('\n', i) + 1) {
    EXPECT_EQ(coloured[i], '\033');
  }
}

TEST(QrCode, RefusesWhatNoCodeHolds) {
  EXPECT_EQ(test::reason_of([] { qr_code(std::string(3000, 'x'), Colours::plain); }),
            Reason::too_large);
}

}  // namespace
}  // namespace qnpc::qr
