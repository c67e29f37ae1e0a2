// x509_hierarchy: a CA below the fixed anchor, and the honest chain of one of its clients.
#pragma once

#include "qnpc/crypto/x509_test_ca.h"
#include "tests/support/seeded_random.h"

namespace qnpc::fuzz {

struct Hierarchy {
  static constexpr auto scheme = crypto::SignatureScheme::ed25519;
  static constexpr UnixTime now{1'800'000'000};

  test::SeededRandom random{1};
  crypto::TestCa root{"root", scheme, random};
  crypto::TestCa middle{root, of_middle(), scheme, random};
  crypto::SignatureKeyPair key = crypto::generate_signature_key(scheme, random);
  crypto::TrustAnchors anchors{{root.certificate()}};
  std::vector<Bytes> chain{middle.issue(of_alice(), scheme, key), middle.certificate(),
                           root.certificate()};

 private:
  static crypto::TestCertificate of_alice() {
    return {.name = "Alice",
            .alternative_names = "DNS:a.example,email:a@a.example,URI:https://a.example/"};
  }
  static crypto::TestCertificate of_middle() {
    crypto::TestCertificate out = crypto::test_ca_certificate("middle");
    out.basic_constraints = "critical,CA:TRUE,pathlen:0";
    out.name_constraints = "critical,permitted;DNS:example,permitted;URI:.example";
    return out;
  }
};

}  // namespace qnpc::fuzz
