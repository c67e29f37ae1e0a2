// key_package: making KeyPackages for an identity, and keeping their private halves until a Welcome
// uses them.
#pragma once

#include "qnpc/base/storage.h"
#include "qnpc/group/identity.h"
#include "qnpc/mls/mls_message.h"

namespace qnpc::group {

/// The suite of every group that we create.
inline constexpr mls::CipherSuite default_suite =
    mls::CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519;

/// What people call the group, UTF-8, in the GroupContext. Of RFC 9420's range for private use.
inline constexpr mls::ExtensionType group_name_extension{0xf001};
/// The id of the group's log, 32 bytes, likewise.
inline constexpr mls::ExtensionType group_log_extension{0xf002};
/// The token that delivers into a member's inbox, 32 bytes, in its leaf.
inline constexpr mls::ExtensionType inbox_token_extension{0xf003};

/// A leaf of that identity, all but its encryption key and signature.
mls::LeafNode leaf_template(const Identity& identity, UnixTime now);

/// A fresh, signed KeyPackage; its private keys are in `keys` when this returns. One of last resort
/// says so in its extensions, and its keys stay when it is used.
enum class KeyPackageUse { once, last_resort };
mls::KeyPackage make_key_package(const Identity& identity, Storage& keys, Random& random,
                                 UnixTime now, KeyPackageUse use = KeyPackageUse::once);

/// The KeyPackage of ours that a Welcome is for, as it was made; empty where it is for none.
std::optional<mls::NewKeyPackage> find_key_package(const mls::Welcome& welcome,
                                                   const Storage& keys);
/// Erases the private keys, so that nothing else can be opened with them; but for a KeyPackage of
/// last resort.
void forget_key_package(const mls::KeyPackage& key_package, Storage& keys);

}  // namespace qnpc::group
