#include "client/group_name.h"

#include "client/content.h"
#include "client/limits.h"
#include "client/terminal.h"
#include "qnpc/base/error.h"

namespace qnpc::client {

bool is_group_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::alias_bytes && is_utf8(text) &&
         text.find_first_of("\n\t") == std::string_view::npos && escape_controls(text) == text;
}

void require_group_name(std::string_view text) {
  if (is_group_name(text)) return;
  throw Error(Reason::usage, "a group's name is 1 to " + std::to_string(limits::alias_bytes) +
                                 " bytes of text without control characters");
}

}  // namespace qnpc::client
