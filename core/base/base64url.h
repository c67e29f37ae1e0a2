// base64url: bytes as text that fits into an address, RFC 4648 section 5, without padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "qnpc/base/bytes.h"

namespace qnpc {

std::string to_base64url(View bytes);
/// Empty for any text that to_base64url() does not give: of some bytes there is one.
std::optional<Bytes> from_base64url(std::string_view text);

}  // namespace qnpc
