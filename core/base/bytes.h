// bytes: owned bytes, views of bytes, hexadecimal. No secrets here: those are secret.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qnpc {

using Bytes = std::vector<uint8_t>;
using View = std::span<const uint8_t>;
using MutableView = std::span<uint8_t>;

template <size_t N>
using ByteArray = std::array<uint8_t, N>;

/// The bytes of `text`, without a terminator.
inline View as_view(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline Bytes to_bytes(std::string_view text) { return {text.begin(), text.end()}; }
inline Bytes to_bytes(View view) { return {view.begin(), view.end()}; }
inline std::string to_text(View view) { return {view.begin(), view.end()}; }

inline void append(Bytes& out, View more) { out.insert(out.end(), more.begin(), more.end()); }
bool equal(View a, View b);  // in variable time: for public values only

/// An order for sets of views; in variable time.
struct ViewLess {
  bool operator()(View a, View b) const;
};

/// Lower-case hexadecimal, two digits a byte.
std::string to_hex(View bytes);
/// Accepts upper and lower case. Empty where `hex` has an odd length or a character that is no
/// digit.
std::optional<Bytes> from_hex(std::string_view hex);

}  // namespace qnpc
