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

Identity Identity::with_inbox_token(View token) const {
  Identity out = from_seed(seed().reveal());
  out.inbox_token_ = Secret::copy_of(token);
  out.certificates_ = certificates_;
  return out;
}

Identity Identity::with_certificates(std::vector<Bytes> chain) const {
  Identity out = from_seed(seed().reveal());
  out.inbox_token_ = inbox_token_.clone();
  out.certificates_ = std::move(chain);
  return out;
}

}  // namespace qnpc::group
