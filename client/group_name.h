// group_name: what a group may be called here: one short line that can be typed and printed.
#pragma once

#include <string_view>

namespace qnpc::client {

bool is_group_name(std::string_view text);
/// Throws Reason::usage.
void require_group_name(std::string_view text);

}  // namespace qnpc::client
