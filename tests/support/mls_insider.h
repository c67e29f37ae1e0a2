// mls_insider: members whose groups a test can look into, and messages that an insider forged:
// taken from a member's real one, changed at will, and signed and tagged again with that member's
// keys. What such a message breaks is exactly the rule that was changed.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "qnpc/crypto/system_random.h"
#include "qnpc/mls/epoch_storage.h"
#include "qnpc/mls/group.h"

namespace qnpc::test {

inline constexpr UnixTime now{1'800'000'000};
inline constexpr auto suite_id = mls::CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519;

class Insider {
 public:
  explicit Insider(Random& random)
      : random_(random), signer(crypto::generate_signature_key(suite().signature, random)) {}

  static const mls::Suite& suite() { return mls::suite_of(suite_id); }

  mls::LeafNode leaf() const {
    mls::LeafNode out;
    out.signature_key = signer.public_key;
    out.credential.identity = to_bytes(std::string_view("somebody"));
    out.capabilities = {
        {mls::ProtocolVersion::mls10}, {suite_id}, {}, {}, {mls::CredentialType::basic}};
    out.lifetime = {now.seconds - 60, now.seconds + 60};
    return out;
  }

  /// A KeyPackage of ours; `change` comes before the signatures.
  mls::KeyPackage key_package(std::function<void(mls::KeyPackage&)> change = {}) {
    keys = {crypto::generate_hpke_key(suite().kem(), random_),
            crypto::generate_hpke_key(suite().kem(), random_)};
    mls::KeyPackage out{
        .cipher_suite = suite_id, .init_key = keys.init.public_key, .leaf_node = leaf()};
    out.leaf_node.encryption_key = keys.encryption.public_key;
    if (change) change(out);
    out.leaf_node.sign(suite(), signer, std::nullopt);
    out.sign(suite(), signer);
    return out;
  }

  void create(mls::Extensions extensions = {}, std::vector<mls::ProposalType> proposals = {}) {
    mls::LeafNode own = leaf();
    own.capabilities.proposals = std::move(proposals);
    group = mls::Group::create(suite(), random_.bytes(16), std::move(own), std::move(extensions),
                               signer, random_);
  }
  void join(const mls::KeyPackage& own, const Bytes& welcome) {
    auto message = mls::parse_message(welcome);
    group = mls::Group::join(std::get<mls::Welcome>(message.content), {own, keys});
  }
  mls::NewCommit commit(std::vector<mls::Proposal> proposals,
                        mls::WireFormat format = mls::WireFormat::public_message) {
    mls::CommitOptions options{.proposals = std::move(proposals), .wire_format = format};
    return group->commit(options, signer, now, random_);
  }
  mls::Processed process(const Bytes& message, const mls::PskLookup& psks = mls::no_psks) {
    return group->process(mls::parse_message(message), now, psks);
  }
  void follow(const Bytes& commit) { group->merge(std::get<mls::StagedCommit>(process(commit))); }

  /// As after a restart: only what was stored is left.
  void reload() { group = mls::Group::load(saved()); }
  /// The epoch as this member's storage holds it.
  mls::Epoch epoch() { return mls::load_epoch(saved()); }
  /// Every stored byte, to see whether something has changed.
  std::map<std::string, Bytes> state() {
    std::map<std::string, Bytes> out;
    for (const auto& [name, value] : saved().records()) out[name] = to_bytes(value.reveal());
    return out;
  }

  /// Our public message with its content changed, signed and tagged as ours.
  Bytes forge(const Bytes& message, const std::function<void(mls::FramedContent&)>& change) {
    auto parsed = std::get<mls::PublicMessage>(mls::parse_message(message).content);
    mls::Epoch e = epoch();
    change(parsed.content);
    auto content = mls::sign_content(suite(), mls::WireFormat::public_message,
                                     std::move(parsed.content), e.context, signer);
    if (content.content.content_type() == mls::ContentType::commit) {
      content.auth.confirmation_tag = parsed.auth.confirmation_tag;
    }
    // Not protect_public: it refuses what an honest member does not send.
    mls::PublicMessage out{.content = content.content, .auth = content.auth};
    if (out.content.sender.sender_type == mls::SenderType::member) {
      out.membership_tag =
          mls::membership_tag(suite(), content, e.context, e.secrets.membership_key);
    }
    return mls::to_message(std::move(out));
  }
  /// A commit of ours that holds exactly these proposals, and the path of an honest empty one.
  Bytes forge_commit(std::vector<mls::ProposalOrRef> proposals) {
    return forge(commit({}).message, [&](mls::FramedContent& content) {
      std::get<mls::Commit>(content.content).proposals = std::move(proposals);
    });
  }

 private:
  // save() writes what changed, so all of it is in records_ when it returns.
  const MemoryStorage& saved() {
    group->save(records_);
    return records_;
  }

  Random& random_;
  MemoryStorage records_;

 public:
  crypto::SignatureKeyPair signer;
  mls::KeyPackageKeys keys;
  std::optional<mls::Group> group;
};

/// Alice, who made the group, Bob and Carol; Dave stands outside.
class GroupOfThree : public testing::Test {
 protected:
  crypto::SystemRandom random;
  Insider alice{random};
  Insider bob{random};
  Insider carol{random};
  Insider dave{random};

  void make_group_of_three(mls::Extensions extensions = {}) {
    alice.create(std::move(extensions));
    mls::KeyPackage b = bob.key_package();
    mls::KeyPackage c = carol.key_package();
    mls::NewCommit commit = alice.commit({{mls::Add{b}}, {mls::Add{c}}});
    alice.group->merge(std::move(commit.staged));
    bob.join(b, *commit.welcome);
    carol.join(c, *commit.welcome);
  }

  // The member rejects the message for exactly that reason, and nothing of it is left behind.
  void expect_reject(Insider& member, const Bytes& message, mls::Reject why,
                     const mls::PskLookup& psks = mls::no_psks) {
    auto before = member.state();
    try {
      member.process(message, psks);
      ADD_FAILURE() << "accepted what breaks " << mls::name(why);
    } catch (const mls::Rejected& rejected) {
      EXPECT_EQ(mls::name(rejected.reject()), mls::name(why));
    }
    EXPECT_EQ(member.state(), before);
  }
  void expect_commit_reject(const std::function<void(mls::Commit&)>& change, mls::Reject why,
                            std::vector<mls::Proposal> proposals = {}) {
    Bytes honest = alice.commit(std::move(proposals)).message;
    Bytes forged = alice.forge(honest, [&](mls::FramedContent& content) {
      change(std::get<mls::Commit>(content.content));
    });
    expect_reject(bob, forged, why);
  }
  void expect_agreement() {
    EXPECT_EQ(alice.group->epoch_authenticator(), bob.group->epoch_authenticator());
    EXPECT_EQ(alice.group->epoch_authenticator(), carol.group->epoch_authenticator());
  }
};

}  // namespace qnpc::test
