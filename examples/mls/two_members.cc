// two_members: a group of two with qnpc::mls, from key package to conversation. What the library
// returns as bytes is what you would send; how, and through whom, is yours to decide.
#include <ctime>
#include <iostream>

#include "qnpc/crypto/system_random.h"
#include "qnpc/mls/group.h"

namespace mls = qnpc::mls;

// Who somebody is: a name that the others see, and the key that signs in that name.
struct Person {
  std::string name;
  qnpc::crypto::SignatureKeyPair signer;

  mls::LeafNode leaf(const mls::Suite& suite, qnpc::UnixTime now) const {
    mls::LeafNode leaf;
    leaf.signature_key = signer.public_key;
    leaf.credential.identity = qnpc::to_bytes(name);
    leaf.capabilities = {.versions = {mls::ProtocolVersion::mls10},
                         .cipher_suites = {suite.id},
                         .credentials = {mls::CredentialType::basic}};
    leaf.lifetime = {now.seconds - 3600, now.seconds + 30 * 24 * 3600};
    return leaf;
  }
};

int main() try {
  const mls::Suite& suite =
      mls::suite_of(mls::CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519);
  qnpc::crypto::SystemRandom random;
  qnpc::UnixTime now{static_cast<uint64_t>(time(nullptr))};
  Person alice{"Alice", qnpc::crypto::generate_signature_key(suite.signature, random)};
  Person bob{"Bob", qnpc::crypto::generate_signature_key(suite.signature, random)};

  // Bob publishes a KeyPackage; Alice starts a group, takes it, and commits an Add.
  mls::NewKeyPackage package =
      mls::new_key_package(suite, bob.leaf(suite, now), bob.signer, random);
  mls::Group alices =
      mls::Group::create(suite, random.bytes(16), alice.leaf(suite, now), {}, alice.signer, random);
  mls::NewCommit commit =
      alices.commit({.proposals = {{mls::Add{package.key_package}}}}, alice.signer, now, random);
  alices.merge(std::move(commit.staged));  // once the delivery service has accepted it

  // Bob enters with the Welcome.
  mls::MlsMessage welcome = mls::parse_message(*commit.welcome);
  mls::Group bobs = mls::Group::join(*welcome.get<mls::Welcome>(),
                                     {.key_package = package.key_package, .keys = package.keys});

  // Alice writes, Bob reads.
  qnpc::Bytes message =
      alices.protect(qnpc::as_view("Hello Bob"), alice.signer, /*padding=*/32, random);
  auto received = std::get<mls::ApplicationMessage>(bobs.process(mls::parse_message(message), now));
  std::cout << qnpc::to_text(received.sender.credential.identity) << ": "
            << qnpc::to_text(received.data) << "\n"
            << "both agree on epoch " << bobs.context().epoch << ": " << std::boolalpha
            << (alices.epoch_authenticator() == bobs.epoch_authenticator()) << "\n";
} catch (const qnpc::Error& error) {
  std::cerr << "error: " << error.what() << "\n";
  return 1;
}
