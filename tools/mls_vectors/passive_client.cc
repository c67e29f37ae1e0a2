#include "tools/mls_vectors/passive_client.h"

#include <limits>

#include "tools/mls_vectors/verify.h"

namespace qnpc::vectors {
namespace {

mls::KeyPackageKeys keys_of(const Json& vector, const mls::KeyPackage& key_package) {
  const mls::Suite& suite = suite_of(vector);
  mls::KeyPackageKeys out{hpke_key(suite, vector, "init_priv"),
                          hpke_key(suite, vector, "encryption_priv")};
  auto signer = signature_key(suite, vector, "signature_priv");
  const mls::LeafNode& leaf = key_package.leaf_node;
  check_equal(signer.public_key, leaf.signature_key, "signature_key of key_package");
  check_equal(out.encryption.public_key, leaf.encryption_key, "encryption_key of key_package");
  check_equal(out.init.public_key, key_package.init_key, "init_key of key_package");
  return out;
}

void check_authenticator(const mls::Group& group, const Json& expected, const std::string& what) {
  check_equal(group.epoch_authenticator(), hex(expected), what);
}

// Processes an epoch's messages; the last is its commit.
void follow(mls::Group& group, const PassiveClient& client, const Json& epoch) {
  for (const mls::MlsMessage& message : messages_of(epoch)) {
    mls::Processed processed = group.process(message, client.lifetimes(), client.psks());
    if (auto* staged = std::get_if<mls::StagedCommit>(&processed)) group.merge(std::move(*staged));
  }
}

}  // namespace

PassiveClient::PassiveClient(const Json& vector)
    : vector_(vector),
      key_package_(message<mls::KeyPackage>(vector, "key_package")),
      keys_(keys_of(vector, key_package_)),
      welcome_(message<mls::Welcome>(vector, "welcome")) {}

mls::Group PassiveClient::join(const mls::Welcome& welcome) const {
  std::optional<mls::RatchetTree> tree;
  const Json& given = vector_.at("ratchet_tree");
  if (!given.is_null()) tree = codec::decode<mls::RatchetTree>(hex(given));
  return mls::Group::join(welcome, {.key_package = key_package_,
                                    .keys = keys_,
                                    .psks = psks(),
                                    .ratchet_tree = std::move(tree),
                                    .policy = lifetimes()});
}

mls::LifetimeRule PassiveClient::lifetimes() const {
  const mls::Lifetime& own = key_package_.leaf_node.lifetime;
  const UnixTime inside{own.not_before + (own.not_after - own.not_before) / 2};
  return {inside, std::numeric_limits<uint64_t>::max()};
}

mls::PskLookup PassiveClient::psks() const {
  return [this](const mls::PreSharedKeyId& id) -> std::optional<Secret> {
    if (id.psktype != mls::PskType::external) return std::nullopt;
    for (const Json& psk : vector_.at("external_psks")) {
      if (hex(psk, "psk_id") == id.psk_id) return secret(psk, "psk");
    }
    return std::nullopt;
  };
}

std::vector<mls::MlsMessage> messages_of(const Json& epoch) {
  std::vector<mls::MlsMessage> out;
  for (const Json& proposal : epoch.at("proposals")) {
    out.push_back(mls::parse_message(hex(proposal)));
  }
  out.push_back(mls::parse_message(hex(epoch, "commit")));
  return out;
}

void verify_passive_client(const Json& vector) {
  const PassiveClient client(vector);
  mls::Group group = client.join(client.welcome());
  check_authenticator(group, vector.at("initial_epoch_authenticator"),
                      "initial_epoch_authenticator");
  const Json& epochs = vector.at("epochs");
  for (size_t i = 0; i < epochs.size(); ++i) {
    const std::string where = "epoch " + std::to_string(i) + ": ";
    const uint64_t before = group.context().epoch;
    try {
      follow(group, client, epochs[i]);
    } catch (const Error& error) {
      throw Mismatch(where + error.what());
    }
    check(group.context().epoch == before + 1, where + "its commit led into no new epoch");
    check_authenticator(group, epochs[i].at("epoch_authenticator"), where + "epoch_authenticator");
  }
}

}  // namespace qnpc::vectors
