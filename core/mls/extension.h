// extension: the extension lists of leaf nodes, key packages, group contexts and group infos.
// RFC 9420 13.4 and 11.1. Types that we do not know are kept as they came.
#pragma once

#include "qnpc/codec/wire.h"
#include "qnpc/mls/code_points.h"
#include "qnpc/mls/reject.h"

namespace qnpc::mls {

struct Extension {
  ExtensionType extension_type{};
  Bytes extension_data;
  static auto wire(auto& m) { return std::tie(m.extension_type, m.extension_data); }
  friend bool operator==(const Extension&, const Extension&) = default;
};
using Extensions = std::vector<Extension>;

/// The data of the first extension of that type, or null.
const Bytes* find_extension(const Extensions& extensions, ExtensionType type);
/// Rejects a list that names one type twice (13.4).
void require_unique(const Extensions& extensions);
/// The types of such a list but for the default ones, ascending. Rejects as require_unique().
std::vector<ExtensionType> distinct_types(const Extensions& extensions);

/// Section 11.1.
struct RequiredCapabilities {
  std::vector<ExtensionType> extension_types;
  std::vector<ProposalType> proposal_types;
  std::vector<CredentialType> credential_types;
  static auto wire(auto& m) {
    return std::tie(m.extension_types, m.proposal_types, m.credential_types);
  }
};

/// The typed content of an extension. Rejects data that does not parse (malformed_extension).
template <class T>
std::optional<T> get_extension(const Extensions& extensions, ExtensionType type) {
  const Bytes* data = find_extension(extensions, type);
  if (data == nullptr) return std::nullopt;
  try {
    return codec::decode<T>(*data);
  } catch (const Error& error) {
    if (error.reason() != Reason::malformed) throw;
    throw Rejected(Reject::malformed_extension);
  }
}

/// The types of RFC 9420 itself, which every client supports without saying so (7.2).
bool is_default_extension(ExtensionType type);
bool is_default_proposal(ProposalType type);

}  // namespace qnpc::mls
