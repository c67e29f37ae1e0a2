// key_package: making KeyPackages for an identity, and keeping their private halves until a Welcome
// uses them or they have expired.
#pragma once

#include "qnpc/base/storage.h"
#include "qnpc/group/identity.h"
#include "qnpc/group/suite.h"
#include "qnpc/mls/mls_message.h"

namespace qnpc::group {

constexpr mls::CipherSuite cipher_suite(Suite suite) {
  return static_cast<mls::CipherSuite>(suite);
}

/// What people call the group, UTF-8, in the GroupContext. Of RFC 9420's range for private use.
inline constexpr mls::ExtensionType group_name_extension{0xf001};
/// The id of the group's log, 32 bytes, likewise.
inline constexpr mls::ExtensionType group_log_extension{0xf002};
/// The token that delivers into a member's inbox, 32 bytes, in its leaf.
inline constexpr mls::ExtensionType inbox_token_extension{0xf003};

/// What the identity shows of itself: its certificates where it has some, else its key.
mls::Credential credential_of(const Identity& identity);
/// A leaf of that identity, all but its encryption key and signature.
mls::LeafNode leaf_template(const Identity& identity, UnixTime now);

/// A fresh, signed KeyPackage; its private keys are in `keys` when this returns. One of last resort
/// says so in its extensions, and its keys stay when it is used.
enum class KeyPackageUse { once, last_resort };
mls::KeyPackage make_key_package(const Identity& identity, Suite suite, Storage& keys,
                                 Random& random, UnixTime now,
                                 KeyPackageUse use = KeyPackageUse::once);

/// The KeyPackage of ours that a Welcome is for, as it was made; empty where it is for none.
std::optional<mls::NewKeyPackage> find_key_package(const mls::Welcome& welcome,
                                                   const Storage& keys);
/// Erases the private keys of the KeyPackage with that reference, so that nothing else can be
/// opened with them.
void forget_key_package(View ref, Storage& keys);
/// And those of all that have expired.
void forget_expired_key_packages(Storage& keys, UnixTime now);

}  // namespace qnpc::group
