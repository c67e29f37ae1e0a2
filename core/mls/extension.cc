#include "qnpc/mls/extension.h"

#include <algorithm>

namespace qnpc::mls {

const Bytes* find_extension(const Extensions& extensions, ExtensionType type) {
  auto it = std::ranges::find(extensions, type, &Extension::extension_type);
  return it == extensions.end() ? nullptr : &it->extension_data;
}

void require_unique(const Extensions& extensions) { distinct_types(extensions); }

std::vector<ExtensionType> distinct_types(const Extensions& extensions) {
  std::vector<ExtensionType> types;
  types.reserve(extensions.size());
  for (const Extension& extension : extensions) types.push_back(extension.extension_type);
  std::ranges::sort(types);
  require(std::ranges::adjacent_find(types) == types.end(), Reject::duplicate_extension);
  std::erase_if(types, is_default_extension);
  return types;
}

bool is_default_extension(ExtensionType type) {
  auto number = static_cast<uint16_t>(type);
  return number >= static_cast<uint16_t>(ExtensionType::application_id) &&
         number <= static_cast<uint16_t>(ExtensionType::external_senders);
}

bool is_default_proposal(ProposalType type) {
  auto number = static_cast<uint16_t>(type);
  return number >= static_cast<uint16_t>(ProposalType::add) &&
         number <= static_cast<uint16_t>(ProposalType::group_context_extensions);
}

}  // namespace qnpc::mls
