// safety_number: 60 digits by which two people find out whether they have each other's identity
// keys, docs/verification.md.
#pragma once

#include <string>
#include <string_view>

#include "qnpc/base/bytes.h"

namespace qnpc::client {

inline constexpr size_t safety_number_digits = 60;

/// Of two identity keys, in either order.
std::string safety_number(View one, View other);

/// In groups of five, six of them a line: as it is read aloud.
std::string grouped(std::string_view digits);
/// The digits alone, of a number that was typed in groups. Throws Reason::usage for what is none.
std::string parse_safety_number(std::string_view text);

}  // namespace qnpc::client
