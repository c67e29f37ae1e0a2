// mls_group: an honest group of three for the fuzzers of core/mls, and its messages.
#pragma once

#include "fuzz/edits.h"
#include "qnpc/mls/epoch_storage.h"
#include "tests/mls/test_client.h"
#include "tests/support/seeded_random.h"

namespace qnpc::fuzz {

/// What decodes encodes to the same bytes again; what does not throws nothing but Error.
template <class T>
std::optional<T> round_trip(View bytes) {
  std::optional<T> out;
  try {
    out = codec::decode<T>(bytes);
  } catch (const Error&) {
    return std::nullopt;
  }
  must(equal(codec::encode_secret(*out).reveal(), bytes));
  return out;
}

inline constexpr auto suite_1 = mls::CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519;
inline constexpr auto xwing_suite = mls::CipherSuite::mls_256_xwing_chacha20poly1305_sha256_ed25519;

/// Alice made the group, in which a service may propose, and added Bob and Carol; then Bob
/// committed, so that the tree has parents.
struct HonestGroup {
  test::SeededRandom random{1};
  const mls::Suite& suite;
  test::TestClient alice{suite, "alice", random};
  test::TestClient bob{suite, "bob", random};
  test::TestClient carol{suite, "carol", random};
  test::TestClient service{suite, "service", random};
  mls::NewKeyPackage bob_package = bob.make_key_package(random);
  mls::NewKeyPackage carol_package = carol.make_key_package(random);

  explicit HonestGroup(mls::CipherSuite id = suite_1) : suite(mls::suite_of(id)) {
    const mls::ExternalSenders senders{{service.signer().public_key, service.leaf().credential}};
    alice.create_group(random, {{mls::ExtensionType::external_senders, codec::encode(senders)}});
    mls::CommitOptions adds{
        .proposals = {{mls::Add{bob_package.key_package}}, {mls::Add{carol_package.key_package}}}};
    mls::NewCommit add = commit(alice, adds);
    alice.group().merge(std::move(add.staged));
    bob.join(*add.welcome, bob_package);
    carol.join(*add.welcome, carol_package);
    mls::NewCommit path = commit(bob, {});
    for (auto* other : {&alice, &carol}) {
      mls::Processed processed = other->receive(path.message);
      other->group().merge(std::move(std::get<mls::StagedCommit>(processed)));
    }
    bob.group().merge(std::move(path.staged));
  }

  mls::NewCommit commit(test::TestClient& by, const mls::CommitOptions& options) {
    return by.group().commit(options, by.signer(), test::test_time, random);
  }
};

// The honest bytes that the fuzzers of decoders edit; fuzz/make_corpus.cc makes seeds of them.

/// MLSMessage in all five wire formats.
inline std::vector<Bytes> message_bases(HonestGroup& honest) {
  test::TestClient dave(honest.suite, "dave", honest.random);
  mls::KeyPackage package = dave.make_key_package(honest.random).key_package;
  mls::CommitOptions options{.proposals = {{mls::Add{package}}, {mls::Remove{mls::LeafIndex{2}}}},
                             .wire_format = mls::WireFormat::public_message};
  mls::NewCommit made = honest.commit(honest.alice, options);
  Bytes text =
      honest.alice.group().protect(as_view("text"), honest.alice.signer(), 16, honest.random);
  mls::GroupInfo info{.group_context = honest.alice.group().context()};
  return {std::move(made.message), std::move(*made.welcome), std::move(text),
          mls::to_message(std::move(package)), mls::to_message(std::move(info))};
}

inline std::vector<Bytes> tree_bases(HonestGroup& honest, HonestGroup& hybrid) {
  return {codec::encode(honest.alice.group().tree()), codec::encode(hybrid.alice.group().tree())};
}

/// GroupInfo, GroupSecrets and the content of a PrivateMessage.
inline std::vector<Bytes> secret_bases(HonestGroup& honest) {
  const mls::Group& group = honest.alice.group();
  mls::GroupInfo info{
      .group_context = group.context(),
      .extensions = {{mls::ExtensionType::ratchet_tree, codec::encode(group.tree())}}};
  mls::GroupSecrets secrets{.joiner_secret = Secret(32)};
  secrets.path_secret = mls::PathSecret{Secret(32)};
  secrets.psks = {{.psktype = mls::PskType::external, .psk_id = Bytes(4), .psk_nonce = Bytes(32)},
                  {.psktype = mls::PskType::resumption, .psk_nonce = Bytes(32)}};
  mls::AuthenticatedContent content{
      .wire_format = mls::WireFormat::private_message,
      .content = {.content = mls::Commit{}},
      .auth = {.signature = Bytes(64), .confirmation_tag = Bytes(32)}};
  return {codec::encode(info), to_bytes(codec::encode_secret(secrets).reveal()),
          codec::encode(content)};
}

/// required_capabilities, external_senders with both kinds of credential, and a list of extensions.
inline std::vector<Bytes> extension_bases() {
  mls::RequiredCapabilities required{.extension_types = {mls::ExtensionType{0xf001}},
                                     .proposal_types = {mls::ProposalType{0xf005}},
                                     .credential_types = {mls::CredentialType::x509}};
  mls::Credential basic{.identity = Bytes(8, 1)};
  mls::Credential x509{.credential_type = mls::CredentialType::x509,
                       .certificates = {Bytes(70, 2), Bytes(70, 3)}};
  mls::ExternalSenders senders{{Bytes(32, 4), basic}, {Bytes(32, 5), x509}};
  mls::Extensions list{{mls::ExtensionType::required_capabilities, codec::encode(required)},
                       {mls::ExtensionType::external_senders, codec::encode(senders)}};
  return {codec::encode(required), codec::encode(senders), codec::encode(list)};
}

/// How many messages fuzz_mls_process chooses from.
inline constexpr uint8_t process_bases = 8;

/// All that a member knows of its epoch: a hostile member knows it too.
inline mls::Epoch epoch_of(test::TestClient& client) {
  client.save_and_reload();
  return mls::load_epoch(client.storage());
}

}  // namespace qnpc::fuzz
