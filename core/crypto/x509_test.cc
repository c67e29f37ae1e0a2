#include "qnpc/crypto/x509.h"

#include <gtest/gtest.h>

#include <functional>

#include "qnpc/base/limits.h"
#include "qnpc/crypto/system_random.h"
#include "qnpc/crypto/x509_test_ca.h"

namespace qnpc::crypto {
namespace {

constexpr UnixTime now{1'800'000'000};
constexpr auto ed25519 = SignatureScheme::ed25519;

class X509Test : public testing::Test {
 protected:
  SystemRandom random;
  TestCa root{"root", ed25519, random};
  TestCa middle{root, test_ca_certificate("middle"), ed25519, random};
  SignatureKeyPair key = generate_signature_key(ed25519, random);
  TrustAnchors anchors{{root.certificate()}};

  std::vector<Bytes> chain_of(const TestCertificate& content) const {
    return {middle.issue(content, ed25519, key), middle.certificate()};
  }
  CertificateNames judge(const std::vector<Bytes>& chain, UnixTime at = now,
                         size_t longest = limits::certificates) const {
    return validate_chain(chain, ed25519, key.public_key, {anchors, at, longest});
  }
  void expect_refused(ChainFault fault, const std::vector<Bytes>& chain, UnixTime at = now,
                      size_t longest = limits::certificates) const {
    try {
      judge(chain, at, longest);
      ADD_FAILURE() << "accepted";
    } catch (const ChainRefused& refused) {
      EXPECT_EQ(static_cast<int>(refused.fault()), static_cast<int>(fault)) << refused.what();
    }
  }
};

TEST_F(X509Test, EverySchemesChainIsAcceptedForItsKeyOnly) {
  for (SignatureScheme scheme :
       {SignatureScheme::ed25519, SignatureScheme::ed448, SignatureScheme::ecdsa_p256_sha256,
        SignatureScheme::ecdsa_p384_sha384, SignatureScheme::ecdsa_p521_sha512}) {
    TestCa top("top", scheme, random);
    TestCa below(top, test_ca_certificate("below"), scheme, random);
    TrustAnchors trusted({top.certificate()});
    SignatureKeyPair subject = generate_signature_key(scheme, random);
    std::vector<Bytes> chain{below.issue({.name = "Alice"}, scheme, subject), below.certificate()};
    ChainRules rules{trusted, now, limits::certificates};
    EXPECT_EQ(validate_chain(chain, scheme, subject.public_key, rules).subject, "CN=Alice");
    SignatureKeyPair other = generate_signature_key(scheme, random);
    EXPECT_THROW(validate_chain(chain, scheme, other.public_key, rules), ChainRefused);
  }
}

TEST_F(X509Test, NamesAreThoseOfTheFirst) {
  CertificateNames names = judge(chain_of(
      {.name = "\xc3\x84lice, Ltd",
       .alternative_names = "DNS:a.example,DNS:b.example,email:a@b.example,URI:im:a@b.example"}));
  EXPECT_EQ(names.subject, "CN=\xc3\x84lice\\, Ltd");
  EXPECT_EQ(names.dns, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(names.emails, std::vector<std::string>{"a@b.example"});
  EXPECT_EQ(names.uris, std::vector<std::string>{"im:a@b.example"});
}

TEST_F(X509Test, TheEndOfAChainMayBeLeftOutAsFarAsTheAnchorsGo) {
  std::vector<Bytes> chain = chain_of({.name = "Alice"});
  chain.push_back(root.certificate());
  judge(chain);
  chain.resize(1);
  expect_refused(ChainFault::untrusted, chain);
  anchors = TrustAnchors({middle.certificate()});  // need not be a root
  judge(chain);
}

TEST_F(X509Test, RefusesWhatIsNotOneDerCertificate) {
  std::vector<Bytes> good = chain_of({.name = "Alice"});
  expect_refused(ChainFault::malformed, {});
  for (size_t at : {size_t{0}, size_t{1}}) {
    auto with = [&](const std::function<void(Bytes&)>& change) {
      std::vector<Bytes> chain = good;
      change(chain[at]);
      return chain;
    };
    expect_refused(ChainFault::malformed, with([](Bytes& b) { b.clear(); }));
    expect_refused(ChainFault::malformed, with([](Bytes& b) { b.pop_back(); }));
    expect_refused(ChainFault::malformed, with([](Bytes& b) { b.push_back(0); }));
    // The same certificate as BER has it: its length in one byte more than is needed.
    expect_refused(ChainFault::malformed, with([](Bytes& b) {
                     ASSERT_EQ(b[1], 0x82);
                     b[1] = 0x83;
                     b.insert(b.begin() + 2, 0);
                   }));
  }
  EXPECT_THROW(TrustAnchors({Bytes{1, 2, 3}}), ChainRefused);
}

TEST_F(X509Test, EveryTruncationAndEveryFlippedByteIsRefused) {
  std::vector<Bytes> good = chain_of({.name = "Alice"});
  for (size_t i = 0; i < good[0].size(); ++i) {
    std::vector<Bytes> chain = good;
    chain[0][i] ^= 1;
    EXPECT_THROW(judge(chain), ChainRefused) << "byte " << i;
    chain[0].resize(i);
    EXPECT_THROW(judge(chain), ChainRefused) << "size " << i;
  }
}

TEST_F(X509Test, RefusesATimeOutsideOfAnyCertificate) {
  UnixTime before{now.seconds - 1}, after{now.seconds + 1};
  auto good = chain_of({.name = "Alice", .not_before = before, .not_after = after});
  judge(good);
  expect_refused(ChainFault::expired, good, UnixTime{after.seconds + 1});
  expect_refused(ChainFault::not_yet_valid, good, UnixTime{before.seconds - 1});
  TestCertificate old = test_ca_certificate("middle");
  old.not_after = {now.seconds - 1};
  middle = TestCa(root, old, ed25519, random);
  expect_refused(ChainFault::expired, chain_of({.name = "Alice"}));
}

TEST_F(X509Test, RefusesAnotherKeyOrOneThatMayNotSign) {
  std::vector<Bytes> good = chain_of({.name = "Alice"});
  key = generate_signature_key(ed25519, random);
  expect_refused(ChainFault::wrong_key, good);
  key.public_key.pop_back();
  expect_refused(ChainFault::wrong_key, good);
  key = generate_signature_key(ed25519, random);
  expect_refused(ChainFault::wrong_key_usage,
                 chain_of({.name = "Alice", .key_usage = "critical,keyAgreement"}));
  judge(chain_of({.name = "Alice", .key_usage = ""}));  // no restriction
}

TEST_F(X509Test, RefusesAKeyOfAnotherKind) {
  auto p256 = SignatureScheme::ecdsa_p256_sha256;
  SignatureKeyPair other = generate_signature_key(p256, random);
  expect_refused(ChainFault::wrong_key,
                 {middle.issue({.name = "Alice"}, p256, other), middle.certificate()});
}

TEST_F(X509Test, RefusesIssuersThatAreNot) {
  std::vector<Bytes> good = chain_of({.name = "Alice"});
  expect_refused(ChainFault::wrong_issuer, {good[0], root.certificate(), good[1]});
  expect_refused(ChainFault::wrong_issuer, {good[0], good[0], good[1]});
  // One of the same name, with another key.
  TestCa imposter(root, test_ca_certificate("middle"), ed25519, random);
  expect_refused(ChainFault::wrong_issuer, {good[0], imposter.certificate()});
  // A whole hierarchy of the same names that nobody trusts.
  TestCa false_root("root", ed25519, random);
  TestCa false_middle(false_root, test_ca_certificate("middle"), ed25519, random);
  expect_refused(ChainFault::untrusted, {false_middle.issue({.name = "Alice"}, ed25519, key),
                                         false_middle.certificate(), false_root.certificate()});
}

TEST_F(X509Test, RefusesABadSignature) {
  std::vector<Bytes> chain = chain_of({.name = "Alice"});
  chain[0].back() ^= 1;
  expect_refused(ChainFault::bad_signature, chain);
  chain = chain_of({.name = "Alice"});
  chain[1].back() ^= 1;
  expect_refused(ChainFault::bad_signature, chain);
}

// The chain that leads to the anchor is good without it.
TEST_F(X509Test, RefusesABadSignatureBesideTheAnchorsChain) {
  std::vector<Bytes> chain = chain_of({.name = "Alice"});
  chain.push_back(root.certificate());
  anchors = TrustAnchors({middle.certificate()});
  judge(chain);
  chain[1].back() ^= 1;
  expect_refused(ChainFault::bad_signature, chain);
}

TEST_F(X509Test, RefusesIssuersThatMayNotIssue) {
  TestCertificate no_ca = test_ca_certificate("middle");
  no_ca.basic_constraints = "critical,CA:FALSE";
  no_ca.key_usage = "critical,digitalSignature";
  middle = TestCa(root, no_ca, ed25519, random);
  expect_refused(ChainFault::not_a_ca, chain_of({.name = "Alice"}));
  TestCertificate says_nothing = test_ca_certificate("middle");
  says_nothing.basic_constraints = says_nothing.key_usage = "";
  middle = TestCa(root, says_nothing, ed25519, random);
  expect_refused(ChainFault::not_a_ca, chain_of({.name = "Alice"}));
}

TEST_F(X509Test, RefusesMoreBelowAnIssuerThanItAllows) {
  TestCertificate last = test_ca_certificate("middle");
  last.basic_constraints = "critical,CA:TRUE,pathlen:0";
  middle = TestCa(root, last, ed25519, random);
  judge(chain_of({.name = "Alice"}));
  TestCa below(middle, test_ca_certificate("below"), ed25519, random);
  expect_refused(ChainFault::path_too_long, {below.issue({.name = "Alice"}, ed25519, key),
                                             below.certificate(), middle.certificate()});
}

TEST_F(X509Test, RefusesChainsThatAreTooLong) {
  std::vector<Bytes> chain = chain_of({.name = "Alice"});
  judge(chain, now, 2);
  expect_refused(ChainFault::too_long, chain, now, 1);
  chain.resize(limits::certificates + 1, chain[1]);
  expect_refused(ChainFault::too_long, chain, now, 1000);  // whatever the caller allows
  expect_refused(ChainFault::too_long, {Bytes(limits::certificate + 1, 0x30)});
}

TEST_F(X509Test, RefusesNamesThatTheIssuerMayNotIssueFor) {
  TestCertificate bound = test_ca_certificate("middle");
  bound.name_constraints = "critical,permitted;DNS:example.org";
  middle = TestCa(root, bound, ed25519, random);
  judge(chain_of({.name = "Alice", .alternative_names = "DNS:alice.example.org"}));
  expect_refused(ChainFault::wrong_name,
                 chain_of({.name = "Alice", .alternative_names = "DNS:alice.example.com"}));
  // RFC 5280 4.2.1.10: a constraint on URIs excludes those without a host.
  bound.name_constraints = "critical,permitted;URI:example.org";
  middle = TestCa(root, bound, ed25519, random);
  judge(chain_of({.name = "Alice", .alternative_names = "URI:https://example.org/alice"}));
  expect_refused(ChainFault::wrong_name,
                 chain_of({.name = "Alice", .alternative_names = "URI:im:alice@example.org"}));
}

TEST_F(X509Test, RefusesWeakSignatures) {
  auto p256 = SignatureScheme::ecdsa_p256_sha256;
  middle = TestCa(root, test_ca_certificate("middle"), p256, random);
  judge(chain_of({.name = "Alice"}));
  expect_refused(ChainFault::weak, chain_of({.name = "Alice", .digest = "SHA1"}));
}

TEST_F(X509Test, RefusesWhatRfc5280Forbids) {
  // Its 4.2.1.9: no path length but of a CA.
  expect_refused(ChainFault::malformed,
                 chain_of({.name = "Alice", .basic_constraints = "critical,CA:FALSE,pathlen:0"}));
}

}  // namespace
}  // namespace qnpc::crypto
