// Whom a group believes: X.509 credentials in every place where one enters a group, who may replace
// whom, and what a stranger can do. RFC 9420 5.3, 7.3 and 12.2.

#include "qnpc/crypto/x509_test_ca.h"
#include "qnpc/mls/group.h"
#include "qnpc/mls/x509_credentials.h"
#include "tests/support/mls_insider.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using crypto::TestCa;
using crypto::TestCertificate;
using test::Insider;
using test::now;

// The first URI is the client's name.
std::optional<Bytes> by_uri(const crypto::CertificateNames& names) {
  if (names.uris.empty()) return std::nullopt;
  return to_bytes(names.uris.front());
}

template <class Call>
void expect_rejected(Reject why, Call&& call) {
  EXPECT_EQ(test::reject_of(call), why);
}

// A certification authority and the members whom it certifies.
class X509World {
 public:
  X509World(const Suite& s, Random& r) : suite(s), random(r) {}

  struct Member {
    crypto::SignatureKeyPair signer;
    Credential credential;
    KeyPackageKeys keys;
    std::optional<Group> group;
  };

  const Suite& suite;
  Random& random;
  TestCa root{"root", suite.signature, random};
  TestCa middle{root, crypto::test_ca_certificate("middle"), suite.signature, random};
  TestCa rogue{"root", suite.signature, random};  // nobody but the rogues trusts it
  X509Credentials honest{crypto::TrustAnchors({root.certificate()}), by_uri};
  X509Credentials gullible{crypto::TrustAnchors({root.certificate(), rogue.certificate()}), by_uri};

  Policy policy(UnixTime at = now) const { return {at, honest}; }
  Policy gullible_policy() const { return {now, gullible}; }

  crypto::SignatureKeyPair new_key() const {
    return crypto::generate_signature_key(suite.signature, random);
  }
  static TestCertificate content(const std::string& name) {
    return {.name = name, .alternative_names = "URI:im:" + name + "@example.org"};
  }
  Credential certify(const TestCertificate& what, const crypto::SignatureKeyPair& key) const {
    return {
        CredentialType::x509, {}, {middle.issue(what, suite.signature, key), middle.certificate()}};
  }
  Credential forge(const std::string& name, const crypto::SignatureKeyPair& key) const {
    return {CredentialType::x509, {}, {rogue.issue(content(name), suite.signature, key)}};
  }
  Member member(const std::string& name) const {
    Member out{.signer = new_key()};
    out.credential = certify(content(name), out.signer);
    return out;
  }
  Member rogue_member(const std::string& name) const {
    Member out{.signer = new_key()};
    out.credential = forge(name, out.signer);
    return out;
  }

  LeafNode leaf(const Member& m) const {
    LeafNode out;
    out.signature_key = m.signer.public_key;
    out.credential = m.credential;
    out.capabilities = {{ProtocolVersion::mls10},
                        {suite.id},
                        {},
                        {},
                        {CredentialType::basic, CredentialType::x509}};
    out.lifetime = {now.seconds - 60, now.seconds + 60};
    return out;
  }
  KeyPackage key_package(Member& m) const {
    NewKeyPackage made = new_key_package(suite, leaf(m), m.signer, random);
    m.keys = std::move(made.keys);
    return std::move(made.key_package);
  }
  void create(Member& m, Extensions extensions = {}) const {
    m.group =
        Group::create(suite, random.bytes(16), leaf(m), std::move(extensions), m.signer, random);
  }
  NewCommit commit(Member& m, CommitOptions options, const Policy& by) const {
    options.wire_format = WireFormat::public_message;
    return m.group->commit(options, m.signer, by, random);
  }
  // `by` adds `m`, who joins as it judges itself.
  Bytes add(Member& by, Member& m, const Policy& policy) const {
    KeyPackage package = key_package(m);
    NewCommit made = commit(by, {.proposals = {{Add{package}}}}, policy);
    by.group->merge(std::move(made.staged));
    auto welcome = std::get<Welcome>(parse_message(*made.welcome).content);
    m.group = Group::join(welcome, {.key_package = package, .keys = m.keys, .policy = policy});
    return made.message;
  }
  Processed process(Member& m, const Bytes& message, const Policy& by) const {
    return m.group->process(parse_message(message), by);
  }
  void follow(Member& m, const Bytes& commit, const Policy& by) const {
    m.group->merge(std::get<StagedCommit>(process(m, commit, by)));
  }
};

class CredentialTest : public test::GroupOfThree {
 protected:
  X509World world{Insider::suite(), random};
  X509World::Member anna = world.member("anna");
  X509World::Member ben = world.member("ben");

  void make_pair() {
    world.create(anna);
    world.add(anna, ben, world.policy());
  }
  void expect_ben_rejects(Reject why, const Bytes& message) {
    MemoryStorage before, after;
    Group::load(saved(before, *ben.group));
    expect_rejected(why, [&] { world.process(ben, message, world.policy()); });
    saved(after, *ben.group);
    ASSERT_EQ(before.records().size(), after.records().size());
    for (const auto& [name, record] : before.records()) {
      EXPECT_TRUE(equal(record.reveal(), after.get(name)->reveal())) << name;
    }
  }

 private:
  // All of a group: save() writes only what changed since the last time.
  MemoryStorage& saved(MemoryStorage& out, Group& group) {
    group.save(kept_);
    for (const auto& [name, record] : kept_.records()) out.put(name, record.clone());
    return out;
  }
  MemoryStorage kept_;
};

TEST_F(CredentialTest, CertifiedMembersLiveInAGroupOfEverySignatureScheme) {
  for (auto id : {CipherSuite{1}, CipherSuite{2}, CipherSuite{4}, CipherSuite{5}, CipherSuite{7}}) {
    X509World w{suite_of(id), random};
    X509World::Member a = w.member("a"), b = w.member("b"), c = w.member("c");
    w.create(a);
    w.add(a, b, w.policy());
    w.follow(b, w.add(a, c, w.policy()), w.policy());

    // B changes its key and certificate by an Update, which A commits.
    crypto::SignatureKeyPair key = w.new_key();
    Proposal update = b.group->make_update(key, random, w.certify(X509World::content("b"), key));
    Bytes proposed = b.group->propose(std::move(update), b.signer, w.policy(), random);
    b.signer = std::move(key);
    w.process(a, proposed, w.policy());
    w.process(c, proposed, w.policy());
    NewCommit made = w.commit(a, {}, w.policy());
    for (X509World::Member* m : {&b, &c}) w.follow(*m, made.message, w.policy());
    a.group->merge(std::move(made.staged));

    // C does by a commit of its own.
    key = w.new_key();
    CommitOptions options{.new_signer = &key,
                          .new_credential = w.certify(X509World::content("c"), key)};
    made = w.commit(c, options, w.policy());
    for (X509World::Member* m : {&a, &b}) w.follow(*m, made.message, w.policy());
    c.group->merge(std::move(made.staged));
    c.signer = std::move(key);

    // And B comes again by an external commit, with yet another key.
    X509World::Member again = w.member("b");
    ExternalJoin join = Group::external_join(
        a.group->group_info(a.signer),
        {.leaf = w.leaf(again), .signer = again.signer, .replaces = LeafIndex{1}}, w.policy(),
        random);
    for (X509World::Member* m : {&a, &c}) w.follow(*m, join.message, w.policy());
    EXPECT_EQ(a.group->epoch_authenticator(), join.group.epoch_authenticator());
    EXPECT_EQ(c.group->epoch_authenticator(), join.group.epoch_authenticator());
  }
}

TEST_F(CredentialTest, RejectsEveryKindOfBadCertificate) {
  auto scheme = world.suite.signature;
  X509World::Member m = world.member("mallory");
  auto expect = [&](Reject why, std::vector<Bytes> chain, UnixTime at = now) {
    m.credential.certificates = std::move(chain);
    KeyPackage package = world.key_package(m);
    package.leaf_node.lifetime = {at.seconds - 60, at.seconds + 60};
    package.leaf_node.sign(world.suite, m.signer, std::nullopt);
    package.sign(world.suite, m.signer);
    expect_rejected(why, [&] { validate_key_package(package, world.policy(at)); });
  };
  auto chain_of = [&](const TestCertificate& content, const TestCa& ca) {
    return std::vector<Bytes>{ca.issue(content, scheme, m.signer), ca.certificate()};
  };
  const TestCertificate content = X509World::content("mallory");
  const std::vector<Bytes> good = chain_of(content, world.middle);
  expect(Reject::certificate_malformed, {});
  expect(Reject::certificate_malformed, {Bytes{1, 2, 3}});
  expect(Reject::certificate_chain_too_long, std::vector<Bytes>(9, good[1]));
  expect(Reject::certificate_wrong_key,
         {world.middle.issue(content, scheme, world.new_key()), good[1]});
  TestCertificate no_signing = content;
  no_signing.key_usage = "critical,keyAgreement";
  expect(Reject::certificate_wrong_key_usage, chain_of(no_signing, world.middle));
  expect(Reject::certificate_wrong_issuer, {good[0], world.root.certificate()});
  expect(Reject::certificate_untrusted, {good[0]});
  expect(Reject::certificate_untrusted, chain_of(content, world.rogue));
  Bytes tampered = good[0];
  tampered.back() ^= 1;
  expect(Reject::certificate_bad_signature, {tampered, good[1]});
  expect(Reject::certificate_expired, good, UnixTime{content.not_after.seconds + 1});
  expect(Reject::certificate_not_yet_valid, good, UnixTime{content.not_before.seconds - 1});

  auto below = [&](const std::function<void(TestCertificate&)>& change) {
    TestCertificate ca = crypto::test_ca_certificate("below");
    change(ca);
    return TestCa(world.root, ca, scheme, random);
  };
  TestCa no_ca = below([](auto& c) {
    c.basic_constraints = "critical,CA:FALSE";
    c.key_usage = "critical,digitalSignature";
  });
  expect(Reject::certificate_not_a_ca, chain_of(content, no_ca));
  TestCa last = below([](auto& c) { c.basic_constraints = "critical,CA:TRUE,pathlen:0"; });
  TestCa beyond(last, crypto::test_ca_certificate("beyond"), scheme, random);
  std::vector<Bytes> too_deep = chain_of(content, beyond);
  too_deep.push_back(last.certificate());
  expect(Reject::certificate_path_too_long, too_deep);
  TestCa bound = below([](auto& c) { c.name_constraints = "critical,permitted;URI:.example.com"; });
  expect(Reject::certificate_wrong_name, chain_of(content, bound));
  TestCa ecdsa(world.root, crypto::test_ca_certificate("ecdsa"),
               crypto::SignatureScheme::ecdsa_p256_sha256, random);
  TestCertificate sha1 = content;
  sha1.digest = "SHA1";
  expect(Reject::certificate_weak, chain_of(sha1, ecdsa));
  expect(Reject::certificate_name_refused, chain_of({.name = "no URI"}, world.middle));
}

TEST_F(CredentialTest, TheCallersLimitOfAChainHolds) {
  X509Credentials strict(crypto::TrustAnchors({world.root.certificate()}), by_uri, 1);
  expect_rejected(Reject::certificate_chain_too_long, [&] {
    strict.validate(world.suite, anna.credential, anna.signer.public_key, now);
  });
}

TEST_F(CredentialTest, OtherTypesThanThePolicysAreRefused) {
  KeyPackage certified = world.key_package(anna);
  expect_rejected(Reject::credential_refused, [&] { validate_key_package(certified, now); });
  KeyPackage basic = alice.key_package();
  expect_rejected(Reject::credential_refused, [&] { validate_key_package(basic, world.policy()); });
}

// --- 5.3.1, everywhere -------------------------------------------------------------------------

TEST_F(CredentialTest, RejectsUntrustedWhoIsAdded) {
  make_pair();
  X509World::Member rogue = world.rogue_member("carla");
  KeyPackage package = world.key_package(rogue);
  expect_rejected(Reject::certificate_untrusted,
                  [&] { world.commit(anna, {.proposals = {{Add{package}}}}, world.policy()); });
  expect_ben_rejects(
      Reject::certificate_untrusted,
      world.commit(anna, {.proposals = {{Add{package}}}}, world.gullible_policy()).message);
  expect_ben_rejects(
      Reject::certificate_untrusted,
      anna.group->propose({Add{package}}, anna.signer, world.gullible_policy(), random));
  expect_ben_rejects(Reject::certificate_untrusted,
                     propose_from_outside(anna.group->context(), {SenderType::new_member_proposal},
                                          {Add{package}}, rogue.signer));
}

TEST_F(CredentialTest, RejectsUntrustedInAnUpdate) {
  make_pair();
  crypto::SignatureKeyPair key = world.new_key();
  Proposal update = anna.group->make_update(key, random, world.forge("anna", key));
  expect_rejected(Reject::certificate_untrusted,
                  [&] { anna.group->propose(update, anna.signer, world.policy(), random); });
  expect_ben_rejects(Reject::certificate_untrusted,
                     anna.group->propose(update, anna.signer, world.gullible_policy(), random));
}

TEST_F(CredentialTest, RejectsUntrustedInACommitsPath) {
  make_pair();
  crypto::SignatureKeyPair key = world.new_key();
  CommitOptions options{.new_signer = &key, .new_credential = world.forge("anna", key)};
  expect_rejected(Reject::certificate_untrusted,
                  [&] { world.commit(anna, options, world.policy()); });
  expect_ben_rejects(Reject::certificate_untrusted,
                     world.commit(anna, options, world.gullible_policy()).message);
  // A new key that the old certificate is not for.
  crypto::SignatureKeyPair bare = world.new_key();
  expect_rejected(Reject::certificate_wrong_key,
                  [&] { world.commit(anna, {.new_signer = &bare}, world.policy()); });
}

TEST_F(CredentialTest, RejectsGroupsWithUntrustedMembers) {
  world.create(anna);
  X509World::Member rogue = world.rogue_member("carla");
  world.add(anna, rogue, world.gullible_policy());
  KeyPackage package = world.key_package(ben);
  NewCommit made = world.commit(anna, {.proposals = {{Add{package}}}}, world.gullible_policy());
  auto welcome = std::get<Welcome>(parse_message(*made.welcome).content);
  JoinInputs inputs{.key_package = package, .keys = ben.keys, .policy = world.policy()};
  expect_rejected(Reject::certificate_untrusted, [&] { Group::join(welcome, inputs); });
  // One who gives no policy takes basic credentials only.
  expect_rejected(Reject::credential_refused, [&] { Group::join(welcome, {package, ben.keys}); });
  ExternalJoinInputs external{.leaf = world.leaf(ben), .signer = ben.signer};
  expect_rejected(Reject::certificate_untrusted, [&] {
    Group::external_join(anna.group->group_info(anna.signer), external, world.policy(), random);
  });
}

TEST_F(CredentialTest, RejectsUntrustedWhoComesByAnExternalCommit) {
  make_pair();
  X509World::Member rogue = world.rogue_member("carla");
  ExternalJoinInputs inputs{.leaf = world.leaf(rogue), .signer = rogue.signer};
  GroupInfo info = anna.group->group_info(anna.signer);
  expect_rejected(Reject::certificate_untrusted,
                  [&] { Group::external_join(info, inputs, world.policy(), random); });
  expect_ben_rejects(Reject::certificate_untrusted,
                     Group::external_join(info, inputs, world.gullible_policy(), random).message);
}

TEST_F(CredentialTest, RejectsUntrustedExternalSenders) {
  crypto::SignatureKeyPair key = world.new_key();
  auto senders = [&](const Credential& credential) {
    return Extensions{{ExtensionType::external_senders,
                       codec::encode(ExternalSenders{{key.public_key, credential}})}};
  };
  Extensions untrusted = senders(world.forge("service", key));
  make_pair();
  Proposal change{GroupContextExtensions{untrusted}};
  expect_rejected(Reject::certificate_untrusted,
                  [&] { world.commit(anna, {.proposals = {change}}, world.policy()); });
  expect_ben_rejects(Reject::certificate_untrusted,
                     world.commit(anna, {.proposals = {change}}, world.gullible_policy()).message);
  Extensions trusted = senders(world.certify(X509World::content("service"), key));
  world.follow(
      ben,
      world.commit(anna, {.proposals = {{GroupContextExtensions{trusted}}}}, world.policy())
          .message,
      world.policy());

  X509World::Member other = world.member("other");
  X509World::Member joiner = world.member("joiner");
  world.create(other, untrusted);
  KeyPackage package = world.key_package(joiner);
  NewCommit made = world.commit(other, {.proposals = {{Add{package}}}}, world.policy());
  auto welcome = std::get<Welcome>(parse_message(*made.welcome).content);
  JoinInputs inputs{.key_package = package, .keys = joiner.keys, .policy = world.policy()};
  expect_rejected(Reject::certificate_untrusted, [&] { Group::join(welcome, inputs); });
}

// --- 5.3.2, expiry -----------------------------------------------------------------------------

TEST_F(CredentialTest, WhoseCertificateExpiredStaysAndMayRenewIt) {
  TestCertificate short_lived = X509World::content("anna");
  short_lived.not_after = {now.seconds + 10};
  anna.credential = world.certify(short_lived, anna.signer);
  make_pair();
  Policy later = world.policy(UnixTime{now.seconds + 20});
  NewCommit made = world.commit(anna, {}, later);
  world.follow(ben, made.message, later);
  anna.group->merge(std::move(made.staged));

  X509World::Member carla = world.member("carla");
  KeyPackage package = world.key_package(carla);
  made = world.commit(ben, {.proposals = {{Add{package}}}}, later);
  auto welcome = std::get<Welcome>(parse_message(*made.welcome).content);
  JoinInputs inputs{.key_package = package, .keys = carla.keys, .policy = later};
  expect_rejected(Reject::certificate_expired, [&] { Group::join(welcome, inputs); });

  CommitOptions renewal{.new_credential = world.certify(X509World::content("anna"), anna.signer)};
  made = world.commit(anna, renewal, later);
  world.follow(ben, made.message, later);
  EXPECT_EQ(ben.group->tree().leaf(LeafIndex{0})->credential, renewal.new_credential);
}

// --- 5.3.1 and 12.2, successors ----------------------------------------------------------------

TEST_F(CredentialTest, RejectsToBecomeSomebodyElse) {
  make_pair();
  crypto::SignatureKeyPair key = world.new_key();
  Credential other = world.certify(X509World::content("carla"), key);
  CommitOptions options{.new_signer = &key, .new_credential = other};
  expect_rejected(Reject::credential_not_successor,
                  [&] { world.commit(anna, options, world.policy()); });
  // Anna's client takes every certificate for the same client's.
  X509Credentials careless(crypto::TrustAnchors({world.root.certificate()}),
                           [](const auto&) { return Bytes{1}; });
  Policy careless_policy{now, careless};
  expect_ben_rejects(Reject::credential_not_successor,
                     world.commit(anna, options, careless_policy).message);
  Proposal update = anna.group->make_update(key, random, other);
  expect_ben_rejects(Reject::credential_not_successor,
                     anna.group->propose(update, anna.signer, careless_policy, random));
  X509World::Member carla = world.member("carla");
  ExternalJoinInputs resync{
      .leaf = world.leaf(carla), .signer = carla.signer, .replaces = LeafIndex{1}};
  expect_ben_rejects(
      Reject::credential_not_successor,
      Group::external_join(anna.group->group_info(anna.signer), resync, careless_policy, random)
          .message);
}

// --- Basic credentials -------------------------------------------------------------------------

// What a stranger's own client may be made to believe.
class NoQuestions : public BasicCredentials {
  Bytes identity(const Credential&) const override { return {}; }
  bool proves_identity() const override { return true; }
};

TEST_F(CredentialTest, ABasicIdentityIsKeptWhenTheKeyChanges) {
  make_group_of_three();
  Credential renamed{CredentialType::basic, {9}, {}};
  CommitOptions options{.wire_format = WireFormat::public_message, .new_credential = renamed};
  expect_rejected(Reject::credential_not_successor,
                  [&] { alice.group->commit(options, alice.signer, now, random); });
  NoQuestions none;
  Bytes forged = alice.group->commit(options, alice.signer, {now, none}, random).message;
  expect_reject(bob, forged, Reject::credential_not_successor);
}

// Anybody who has a GroupInfo can make an external commit, and a member that it removes cannot
// check its confirmation tag.
TEST_F(CredentialTest, AStrangerRemovesNobodyByAnExternalCommit) {
  make_group_of_three();
  NoQuestions none;
  GroupInfo info = alice.group->group_info(alice.signer);
  LeafNode as_carol = dave.leaf();  // the same identity, with another key
  ASSERT_EQ(as_carol.credential, carol.leaf().credential);
  LeafNode as_dave = dave.leaf();
  as_dave.credential.identity = {9};
  for (const LeafNode& leaf : {as_carol, as_dave}) {
    ExternalJoinInputs inputs{.leaf = leaf, .signer = dave.signer, .replaces = LeafIndex{2}};
    expect_rejected(Reject::credential_not_successor,
                    [&] { Group::external_join(info, inputs, now, random); });
    Bytes forged = Group::external_join(info, inputs, {now, none}, random).message;
    for (Insider* member : {&alice, &bob, &carol}) {
      expect_reject(*member, forged, Reject::credential_not_successor);
    }
  }
  EXPECT_TRUE(carol.group->is_active());
}

TEST_F(CredentialTest, RejectsAnExternalCommitWithTheOldEncryptionKey) {
  make_group_of_three();
  const GroupContext& context = alice.group->context();
  ExternalJoinInputs inputs{.leaf = carol.leaf(), .signer = carol.signer, .replaces = LeafIndex{2}};
  ExternalJoin join =
      Group::external_join(alice.group->group_info(alice.signer), inputs, now, random);
  auto message = std::get<PublicMessage>(parse_message(join.message).content);
  LeafNode& leaf = std::get<Commit>(message.content.content).path->leaf_node;
  leaf.encryption_key = bob.group->tree().leaf(LeafIndex{2})->encryption_key;
  leaf.sign(Insider::suite(), carol.signer, LeafPosition{context.group_id, LeafIndex{2}});
  AuthenticatedContent content = sign_content(Insider::suite(), WireFormat::public_message,
                                              message.content, context, carol.signer);
  content.auth.confirmation_tag = message.auth.confirmation_tag;
  expect_reject(bob, to_message(protect_public(Insider::suite(), content, context, {})),
                Reject::encryption_key_unchanged);
}

}  // namespace
}  // namespace qnpc::mls
