#include "qnpc/crypto/pem.h"

#include <gtest/gtest.h>

#include "qnpc/crypto/signature.h"
#include "qnpc/crypto/x509.h"
#include "tests/support/reason_of.h"

namespace qnpc::crypto {
namespace {

// As `openssl genpkey -algorithm ed25519` and `openssl req -x509` wrote them: a key, and a
// certificate for it.
const std::string key_pem = R"(-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJchkyKMjV2vD49gVq+MQNqKbux9b9rchrRGNLV4ob2O
-----END PRIVATE KEY-----
)";
const std::string certificate_pem = R"(-----BEGIN CERTIFICATE-----
MIIBazCCAR2gAwIBAgIUGmcEPRmxsogphOvB/AA2laUkwNwwBQYDK2VwMCIxEDAO
BgNVBAoMB0V4YW1wbGUxDjAMBgNVBAMMBWFsaWNlMCAXDTI2MTEyNzA2NDQ0OFoY
DzIxMjYxMTAzMDY0NDQ4WjAiMRAwDgYDVQQKDAdFeGFtcGxlMQ4wDAYDVQQDDAVh
bGljZTAqMAUGAytlcAMhAGovWH7GY3iwpulJrPPRt0/0xQ1l6Pu0cB74lAy8E9ad
o2MwYTAdBgNVHQ4EFgQUfhHWcan+JnSzrPoXMtVP3LqINjswHwYDVR0jBBgwFoAU
fhHWcan+JnSzrPoXMtVP3LqINjswDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8E
BAMCAoQwBQYDK2VwA0EAFGCzOMXPKz7k2gKBet3RSpjgb3G7J35JdYB4FlqoTKfa
Mype7jUmyGNdlhZlfMXWgIvqiDwEaLxBycb4+lhhAw==
-----END CERTIFICATE-----
)";

TEST(Pem, GivesTheKeyAndTheCertificatesOfAFile) {
  const Secret seed = ed25519_key_from_pem(as_view(key_pem));
  const SignatureKeyPair pair = signature_key_from_private(SignatureScheme::ed25519, seed.reveal());
  const std::string text = "a comment\n" + certificate_pem + "\n" + certificate_pem;
  const std::vector<Bytes> chain = certificates_from_pem(as_view(text));
  ASSERT_EQ(chain.size(), 2u);
  EXPECT_EQ(chain[0], chain[1]);
  const TrustAnchors anchors({chain[0]});
  const ChainRules rules{anchors, UnixTime{1'800'000'000}, 8};
  EXPECT_EQ(validate_chain({chain[0]}, SignatureScheme::ed25519, pair.public_key, rules).subject,
            "CN=alice,O=Example");
}

TEST(Pem, RefusesWhatIsNone) {
  auto refusal = [](const std::string& text) {
    return test::reason_of([&] { certificates_from_pem(as_view(text)); });
  };
  std::string broken = certificate_pem;
  broken[60] = '!';
  for (const std::string& text : {std::string(), std::string("text"), key_pem, broken,
                                  certificate_pem + broken, certificate_pem.substr(0, 200)}) {
    EXPECT_EQ(refusal(text), Reason::malformed) << text;
  }
  std::string many;
  for (int i = 0; i < 9; ++i) many += certificate_pem;
  EXPECT_EQ(refusal(many), Reason::too_large);
}

TEST(Pem, RefusesKeysOfOtherKinds) {
  const std::string p256 = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgONqKbbE3sJx1h0J1
6edXSmO+tt5+oJRVA3CdCLYdrpShRANCAARJqfiPVblSO0WFCOBRrj0VeXIRyVJT
28XPaAo+vSqjY/GFaw5zHBee2TU7VAfvqIhYD2+v0cuY26/NOxGZCRUU
-----END PRIVATE KEY-----
)";
  const std::string with_passphrase = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAg95/6gfsWBZQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEFaZYbOgIism0m/uDFIIz58EQKmi
3ppdWfwrfWXRRTAIE/S8doHLHFTtsFkq/CkCySdFWNohk4r+P1R3vzCHrYRaEbGC
VVzZI1ojlRhZ+BifqEc=
-----END ENCRYPTED PRIVATE KEY-----
)";
  for (const std::string& text : {std::string(), certificate_pem, p256, with_passphrase}) {
    EXPECT_EQ(test::reason_of([&] { ed25519_key_from_pem(as_view(text)); }), Reason::malformed)
        << text;
  }
}

}  // namespace
}  // namespace qnpc::crypto
