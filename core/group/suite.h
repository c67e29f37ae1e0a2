// suite: the cipher suites of our groups, under the names that people use.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace qnpc::group {

/// The numbers are those of RFC 9420 17.1, and X-Wing's (core/mls/code_points.h).
enum class Suite : uint16_t {
  x25519 = 1,      // what every client has
  xwing = 0x004d,  // X25519 and ML-KEM-768: withstands a quantum computer of later
};
/// Those that we have KeyPackages of.
inline constexpr std::array suites{Suite::x25519, Suite::xwing};
/// Of a group, unless its maker asks for another.
inline constexpr Suite default_suite = Suite::xwing;

constexpr std::string_view name(Suite suite) {
  switch (suite) {
    case Suite::x25519: return "x25519";
    case Suite::xwing: return "xwing";
  }
  return "unknown";
}
constexpr std::optional<Suite> suite_named(std::string_view text) {
  for (Suite suite : suites) {
    if (name(suite) == text) return suite;
  }
  return std::nullopt;
}

}  // namespace qnpc::group
