#include "qnpc/group/key_package.h"

#include "qnpc/base/limits.h"

namespace qnpc::group {
namespace {

constexpr std::string_view records = "key_package/";
std::string record_name(View ref) { return std::string(records) + to_hex(ref); }

mls::NewKeyPackage parse_record(const Secret& record) {
  codec::Reader r(record.reveal());
  mls::NewKeyPackage out;
  out.key_package = codec::read<mls::KeyPackage>(r);
  out.keys.init = {codec::read<Secret>(r), out.key_package.init_key};
  out.keys.encryption = {codec::read<Secret>(r), out.key_package.leaf_node.encryption_key};
  r.expect_end();
  return out;
}

uint64_t in_seconds(std::chrono::hours hours) {
  return static_cast<uint64_t>(std::chrono::seconds(hours).count());
}

}  // namespace

mls::Credential credential_of(const Identity& identity) {
  if (identity.certificates().empty()) {
    return {mls::CredentialType::basic, to_bytes(identity.identity_key()), {}};
  }
  return {mls::CredentialType::x509, {}, identity.certificates()};
}

mls::LeafNode leaf_template(const Identity& identity, UnixTime now) {
  mls::LeafNode leaf;
  leaf.signature_key = to_bytes(identity.identity_key());
  leaf.credential = credential_of(identity);
  leaf.capabilities = {.versions = {mls::ProtocolVersion::mls10},
                       .cipher_suites = {cipher_suite(Suite::x25519), cipher_suite(Suite::xwing)},
                       .extensions = {mls::ExtensionType::last_resort, group_name_extension,
                                      group_log_extension, inbox_token_extension},
                       .proposals = {},
                       .credentials = {mls::CredentialType::basic, mls::CredentialType::x509}};
  leaf.leaf_node_source = mls::LeafNodeSource::key_package;
  uint64_t skew = in_seconds(limits::clock_skew);
  leaf.lifetime = {now.seconds - std::min(now.seconds, skew),
                   now.seconds + in_seconds(limits::key_package_lifetime)};
  if (!identity.inbox_token().empty()) {
    leaf.extensions.push_back({inbox_token_extension, to_bytes(identity.inbox_token().reveal())});
  }
  return leaf;
}

mls::KeyPackage make_key_package(const Identity& identity, Suite suite, Storage& keys,
                                 Random& random, UnixTime now, KeyPackageUse use) {
  mls::Extensions extensions;
  if (use == KeyPackageUse::last_resort) {
    extensions.push_back({mls::ExtensionType::last_resort, {}});
  }
  mls::NewKeyPackage made =
      mls::new_key_package(mls::suite_of(cipher_suite(suite)), leaf_template(identity, now),
                           identity.key_pair(), random, std::move(extensions));
  const mls::KeyPackage& key_package = made.key_package;

  codec::SecretWriter w;
  codec::write(w, key_package);
  codec::write(w, made.keys.init.private_key);
  codec::write(w, made.keys.encryption.private_key);
  keys.put(record_name(key_package.ref()), Secret(w.take()));
  return std::move(made.key_package);
}

std::optional<mls::NewKeyPackage> find_key_package(const mls::Welcome& welcome,
                                                   const Storage& keys) {
  for (const mls::EncryptedGroupSecrets& entry : welcome.secrets) {
    std::optional<Secret> record = keys.get(record_name(entry.new_member));
    if (record) return parse_record(*record);
  }
  return std::nullopt;
}

void forget_key_package(View ref, Storage& keys) { keys.erase(record_name(ref)); }

void forget_expired_key_packages(Storage& keys, UnixTime now) {
  for (const std::string& name : keys.names(records)) {
    const mls::KeyPackage key_package = parse_record(*keys.get(name)).key_package;
    if (key_package.leaf_node.lifetime.not_after < now.seconds) keys.erase(name);
  }
}

}  // namespace qnpc::group
