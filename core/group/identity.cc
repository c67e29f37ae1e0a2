#include "qnpc/group/identity.h"

namespace qnpc::group {

namespace {
constexpr auto scheme = crypto::SignatureScheme::ed25519;
}

Identity Identity::generate(Random& random) {
  return Identity(crypto::generate_signature_key(scheme, random));
}

Identity Identity::from_seed(View seed) {
  return Identity(crypto::signature_key_from_private(scheme, seed));
}

}  // namespace qnpc::group
