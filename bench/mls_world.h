// mls_world: groups of any size as a benchmark needs them: two members who act, with all of their
// state, among others of whom there is only the public half.
#pragma once

#include "qnpc/crypto/system_random.h"
#include "qnpc/mls/group.h"

namespace qnpc::bench {

inline constexpr UnixTime now{1'800'000'000};

inline const mls::Suite& suite_1 =
    mls::suite_of(mls::CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519);
inline const mls::Suite& xwing_suite =
    mls::suite_of(mls::CipherSuite::mls_256_xwing_chacha20poly1305_sha256_ed25519);

/// A client and its KeyPackage, with the leaf that this product's clients have.
struct Client {
  crypto::SignatureKeyPair signer;
  mls::KeyPackage package;
  mls::KeyPackageKeys keys;
};
Client make_client(const mls::Suite& suite, Random& random);

/// `bare`: the first member added all others in one commit. `warm`: every member has committed.
enum class Shape { bare, warm };

/// Alice acts, and Bob, from the other half of the tree, receives.
struct World {
  const mls::Suite& suite;
  crypto::SystemRandom& random;
  Client alice, bob;
  std::optional<mls::Group> alice_group, bob_group;
  Bytes welcome;          // to Bob, an MLSMessage, when the group had all of its members
  size_t bob_memory = 0;  // what his group holds, in bytes; kept up by the functions below

  void bob_joins();
  void alice_commits();
  void bob_commits();
};

World make_world(const mls::Suite& suite, Shape shape, uint32_t members,
                 crypto::SystemRandom& random);
mls::Group join(const Bytes& welcome, const Client& client);
/// A group of one, of the suite of its KeyPackage.
mls::Group create_group(const Client& creator, Random& random);
mls::CommitOptions adding(const std::vector<const Client*>& clients);

}  // namespace qnpc::bench
