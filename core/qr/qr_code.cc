#include "qnpc/qr/qr_code.h"

#include <qrencode.h>

#include <memory>

#include "qnpc/base/error.h"

namespace qnpc::qr {
namespace {

constexpr int quiet_zone = 4;  // modules, says the standard
constexpr std::string_view white_on_black = "\033[40;37;1m";
constexpr std::string_view as_before = "\033[0m";

class Code {
 public:
  explicit Code(const std::string& text)
      : code_(QRcode_encodeString(text.c_str(), 0, QR_ECLEVEL_M, QR_MODE_8, 1), QRcode_free) {
    if (!code_) throw Error(Reason::too_large, "the text is too long for a QR code");
  }
  int first() const { return -quiet_zone; }
  int end() const { return code_->width + quiet_zone; }
  /// Outside of the code all is light.
  bool is_light(int x, int y) const {
    const int width = code_->width;
    if (x < 0 || y < 0 || x >= width || y >= width) return true;
    return (code_->data[y * width + x] & 1) == 0;
  }

 private:
  std::unique_ptr<QRcode, void (*)(QRcode*)> code_;
};

std::string_view half_blocks(bool upper, bool lower) {
  if (upper) return lower ? "█" : "▀";
  return lower ? "▄" : " ";
}

}  // namespace

std::string qr_code(std::string_view text, Colours colours) {
  const Code code{std::string(text)};
  std::string out;
  for (int y = code.first(); y < code.end(); y += 2) {
    if (colours == Colours::terminal) out += white_on_black;
    for (int x = code.first(); x < code.end(); ++x) {
      out += half_blocks(code.is_light(x, y), code.is_light(x, y + 1));
    }
    if (colours == Colours::terminal) out += as_before;
    out += '\n';
  }
  return out;
}

}  // namespace qnpc::qr
