#include "qnpc/mls/leaf_node.h"

#include <algorithm>

namespace qnpc::mls {
namespace {

template <class T>
bool contains(const Capabilities::List<T>& list, T value) {
  return std::ranges::find(list, value) != list.end();
}

// `needed` is ascending and has each once. Both may be as long as a message: no search for each.
template <class T>
bool contains_all(const Capabilities::List<T>& list, const std::vector<T>& needed) {
  if (needed.empty()) return true;
  if (needed.size() > list.size()) return false;
  std::vector<T> sorted = list;
  std::ranges::sort(sorted);
  return std::ranges::includes(sorted, needed);
}

template <class T>
void make_distinct(std::vector<T>& types) {
  std::ranges::sort(types);
  types.erase(std::unique(types.begin(), types.end()), types.end());
}

}  // namespace

Credential Credential::read(codec::Reader& r) {
  Credential out;
  out.credential_type = codec::read<CredentialType>(r);
  switch (out.credential_type) {
    case CredentialType::basic: out.identity = codec::read<Bytes>(r); break;
    case CredentialType::x509: out.certificates = codec::read<std::vector<Bytes>>(r); break;
    // Its length is unknown to us, so that nothing after it can be read.
    default: throw Rejected(Reject::unknown_credential_type);
  }
  return out;
}

bool Capabilities::supports(ExtensionType type) const {
  return is_default_extension(type) || contains(extensions, type);
}
bool Capabilities::supports(ProposalType type) const {
  return is_default_proposal(type) || contains(proposals, type);
}
bool Capabilities::supports(CredentialType type) const { return contains(credentials, type); }

bool Capabilities::support(const Extensions& all) const {
  return contains_all(extensions, distinct_types(all));
}

bool Capabilities::list_defaults() const {
  return std::ranges::any_of(extensions, is_default_extension) ||
         std::ranges::any_of(proposals, is_default_proposal);
}

LeafNode LeafNode::read(codec::Reader& r) {
  LeafNode out;
  out.encryption_key = codec::read<SmallBytes>(r);
  out.signature_key = codec::read<SmallBytes>(r);
  out.credential = codec::read<Credential>(r);
  out.capabilities = codec::read<Capabilities>(r);
  out.leaf_node_source = codec::read<LeafNodeSource>(r);
  switch (out.leaf_node_source) {
    case LeafNodeSource::key_package: out.lifetime = codec::read<Lifetime>(r); break;
    case LeafNodeSource::update: break;
    case LeafNodeSource::commit: out.parent_hash = codec::read<SmallBytes>(r); break;
    default: throw Error(Reason::malformed, "a leaf node's source is none that exists");
  }
  out.extensions = codec::read<Extensions>(r);
  out.signature = codec::read<Bytes>(r);
  return out;
}

Bytes LeafNode::tbs(const std::optional<LeafPosition>& position) const {
  codec::Writer w;
  write_tbs_fields(w);
  if (position) {
    w.opaque(position->group_id);
    w.u32(value(position->leaf_index));
  }
  return w.take();
}

LeafNode LeafNode::renewed(LeafNodeSource source, View new_encryption_key,
                           View new_signature_key) const {
  LeafNode out = *this;
  out.encryption_key = new_encryption_key;
  out.signature_key = new_signature_key;
  out.leaf_node_source = source;
  out.lifetime = {};
  out.parent_hash.clear();
  out.signature.clear();
  return out;
}

void LeafNode::sign(const Suite& suite, const crypto::SignatureKeyPair& key,
                    const std::optional<LeafPosition>& position) {
  if (capabilities.list_defaults()) {  // 7.2 asks it of who sends; a receiver ignores them
    throw Error(Reason::usage, "capabilities list types that RFC 9420 7.2 says not to list");
  }
  signature = sign_with_label(suite, key, "LeafNodeTBS", tbs(position));
}

bool LeafNode::verify(const Suite& suite, const std::optional<LeafPosition>& position) const {
  return verify_with_label(suite, signature_key, "LeafNodeTBS", tbs(position), signature);
}

void validate_leaf(const Suite& suite, const LeafNode& leaf, LeafNodeSource expected_source,
                   const std::optional<LeafPosition>& position) {
  require(leaf.leaf_node_source == expected_source, Reject::wrong_leaf_source);
  require(crypto::valid_hpke_key(suite.kem(), leaf.encryption_key), Reject::bad_public_key);
  require_own_support(leaf);
  require(leaf.verify(suite, position), Reject::bad_leaf_signature);
}

void require_own_support(const LeafNode& leaf) {
  require(leaf.capabilities.support(leaf.extensions), Reject::unsupported_extension);
  require(leaf.capabilities.supports(leaf.credential.credential_type),
          Reject::unsupported_credential);
}

GroupNeeds::GroupNeeds(const Extensions& group_context_extensions)
    : extensions(distinct_types(group_context_extensions)) {
  auto given = get_extension<RequiredCapabilities>(group_context_extensions,
                                                   ExtensionType::required_capabilities);
  if (!given) return;
  required = std::move(*given);
  std::erase_if(required.extension_types, is_default_extension);
  std::erase_if(required.proposal_types, is_default_proposal);
  make_distinct(required.extension_types);
  make_distinct(required.proposal_types);
  make_distinct(required.credential_types);
}

void require_group_support(const LeafNode& leaf, const GroupNeeds& needs) {
  const Capabilities& own = leaf.capabilities;
  require(contains(own.versions, ProtocolVersion::mls10), Reject::unsupported_version);
  require(contains_all(own.extensions, needs.extensions), Reject::unsupported_extension);
  require(contains_all(own.extensions, needs.required.extension_types) &&
              contains_all(own.proposals, needs.required.proposal_types) &&
              contains_all(own.credentials, needs.required.credential_types),
          Reject::missing_required_capability);
}

void require_bounded(const Lifetime& lifetime, const LifetimeRule& rule) {
  require(lifetime.not_after - std::min(lifetime.not_before, lifetime.not_after) <= rule.longest,
          Reject::lifetime_too_long);
}

void require_current(const Lifetime& lifetime, const LifetimeRule& rule) {
  constexpr uint64_t skew = std::chrono::seconds(limits::clock_skew).count();
  uint64_t now = rule.now.seconds;
  require(lifetime.not_before <= now + skew && now <= lifetime.not_after,
          Reject::lifetime_not_current);
}

}  // namespace qnpc::mls
