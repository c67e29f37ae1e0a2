// passive_client: a member made of a passive-client vector, who joins and follows along.
#pragma once

#include "qnpc/mls/group.h"
#include "tools/mls_vectors/vector.h"

namespace qnpc::vectors {

class PassiveClient {
 public:
  /// Throws Mismatch where a private key does not fit the KeyPackage.
  explicit PassiveClient(const Json& vector);

  const mls::Welcome& welcome() const { return welcome_; }
  mls::Group join(const mls::Welcome& welcome) const;
  /// Under it the vector's KeyPackages are valid wherever the real clock stands. Some live forever.
  mls::LifetimeRule lifetimes() const;
  /// The external PSKs of the vector.
  mls::PskLookup psks() const;

 private:
  const Json& vector_;
  mls::KeyPackage key_package_;
  mls::KeyPackageKeys keys_;
  mls::Welcome welcome_;
};

/// The messages of one element of `epochs`, parsed; proposals first.
std::vector<mls::MlsMessage> messages_of(const Json& epoch);

}  // namespace qnpc::vectors
