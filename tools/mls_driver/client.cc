#include "tools/mls_driver/client.h"

#include <algorithm>

namespace qnpc::driver {

PskStore PskStore::clone() const {
  PskStore out;
  for (const auto& [key, secret] : secrets_) out.secrets_.emplace(key, secret.clone());
  return out;
}

Bytes PskStore::key_of(mls::PreSharedKeyId id) {
  id.usage = mls::ResumptionPskUsage::application;
  id.psk_nonce.clear();
  return codec::encode(id);
}

void PskStore::put_external(View psk_id, Secret secret) {
  Bytes key = key_of({.psktype = mls::PskType::external, .psk_id = to_bytes(psk_id)});
  if (secrets_.size() >= limits::mls_driver_psks && !secrets_.contains(key)) {
    throw Error(Reason::too_large, "a client knows too many PSKs");
  }
  secrets_.insert_or_assign(std::move(key), std::move(secret));
}

void PskStore::put_resumption(const mls::Group& group) {
  // External PSKs come first in the order of the keys, then a group's epochs from the oldest.
  if (secrets_.size() >= limits::mls_driver_psks) {
    auto oldest = std::ranges::find_if(secrets_, [](const auto& entry) {
      return entry.first.front() == static_cast<uint8_t>(mls::PskType::resumption);
    });
    if (oldest == secrets_.end()) return;
    secrets_.erase(oldest);
  }
  mls::PreSharedKeyId id = group.resumption_psk_id(mls::ResumptionPskUsage::application, {});
  secrets_.insert_or_assign(key_of(std::move(id)), group.resumption_psk());
}

mls::PskLookup PskStore::lookup() const {
  return [this](const mls::PreSharedKeyId& id) -> std::optional<Secret> {
    auto it = secrets_.find(key_of(id));
    return it == secrets_.end() ? std::nullopt : std::optional(it->second.clone());
  };
}

Bytes Member::identity() const { return group.tree().leaf(group.own_leaf())->credential.identity; }

Bytes Member::enter(mls::StagedCommit&& staged) {
  group.merge(std::move(staged));
  return entered();
}

Bytes Member::enter_pending() {
  group.merge_pending();
  return entered();
}

Bytes Member::entered() {
  proposals.clear();
  const bool removed = !group.is_active() && !group.reinit();
  if (removed) return {};
  psks.put_resumption(group);
  return group.epoch_authenticator();
}

uint32_t Handles::add(Handle handle) {
  if (handles_.size() >= limits::mls_driver_handles || last_ == UINT32_MAX) {
    throw Error(Reason::too_large, "too many handles are alive: free those that are done with");
  }
  handles_.emplace(++last_, std::move(handle));
  return last_;
}

Handle& Handles::any(uint32_t id) {
  auto it = handles_.find(id);
  if (it == handles_.end()) {
    throw Error(Reason::not_found, "there is no handle " + std::to_string(id));
  }
  return it->second;
}

void Handles::erase(uint32_t id) {
  any(id);
  handles_.erase(id);
}

const mls::CredentialPolicy& believed_names() {
  class BelievedNames final : public mls::BasicCredentials {
    bool proves_identity() const override { return true; }
  };
  static const BelievedNames names;
  return names;
}

crypto::SignatureKeyPair Client::new_signer(const mls::Suite& suite) const {
  return crypto::generate_signature_key(suite.signature, random);
}

mls::LeafNode Client::leaf(Bytes identity, const crypto::SignatureKeyPair& signer) const {
  constexpr uint64_t skew = std::chrono::seconds(limits::clock_skew).count();
  constexpr uint64_t lifetime = std::chrono::seconds(limits::key_package_lifetime).count();
  mls::LeafNode out;
  out.signature_key = signer.public_key;
  out.credential.identity = std::move(identity);
  out.capabilities = {.versions = {mls::ProtocolVersion::mls10},
                      .cipher_suites = {},
                      .extensions = {},
                      .proposals = {},
                      .credentials = {mls::CredentialType::basic}};
  for (const mls::Suite& suite : mls::supported_suites()) {
    out.capabilities.cipher_suites.push_back(suite.id);
  }
  out.lifetime = {now.seconds - std::min(now.seconds, skew), now.seconds + lifetime};
  return out;
}

Joiner Client::new_joiner(const mls::Suite& suite, Bytes identity) const {
  crypto::SignatureKeyPair signer = new_signer(suite);
  mls::NewKeyPackage made =
      mls::new_key_package(suite, leaf(std::move(identity), signer), signer, random);
  return {std::move(made.key_package), std::move(made.keys), std::move(signer), {}};
}

mls::LeafIndex find_identity(const mls::RatchetTree& tree, View identity) {
  for (mls::LeafIndex index : tree.members()) {
    if (equal(tree.leaf(index)->credential.identity, identity)) return index;
  }
  throw Error(Reason::not_found, "the group has no member of that identity");
}

}  // namespace qnpc::driver
