#include "qnpc/base/base64url.h"

namespace qnpc {
namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::string to_base64url(View bytes) {
  std::string out;
  uint32_t bits = 0;  // the lowest `count` of them are not written yet
  int count = 0;
  for (uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 6; count -= 6) {
      out.push_back(digits[bits >> (count - 6) & 63]);
    }
  }
  if (count > 0) out.push_back(digits[bits << (6 - count) & 63]);
  return out;
}

std::optional<Bytes> from_base64url(std::string_view text) {
  Bytes out;
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    const size_t digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<uint8_t>(bits >> count));
  }
  // A digit that adds no byte, or bits at the end that no byte has: another text for the same.
  if (to_base64url(out) != text) return std::nullopt;
  return out;
}

}  // namespace qnpc
