// secret-tree, key-schedule, psk_secret and transcript-hashes.

#include <limits>

#include "qnpc/mls/message_protection.h"
#include "tools/mls_vectors/verify.h"

namespace qnpc::vectors {
namespace {

using mls::LeafIndex;
using mls::RatchetType;
using mls::SecretTree;
using mls::Suite;

// Vectors name generations far apart: go any distance forward and keep nothing on the way.
constexpr mls::RatchetWindow any_distance{.forward = std::numeric_limits<uint32_t>::max(),
                                          .kept = 0};

void check_generation(SecretTree& tree, LeafIndex leaf, RatchetType type, const Json& expected,
                      const char* key, const char* nonce) {
  const auto generation = expected.at("generation").get<uint32_t>();
  const std::string where =
      " of leaf " + std::to_string(value(leaf)) + ", generation " + std::to_string(generation);
  SecretTree::Found found = tree.find(leaf, type, generation);
  check_equal(found.key.key.reveal(), hex(expected, key), key + where);
  check_equal(found.key.nonce.reveal(), hex(expected, nonce), nonce + where);
  tree.consume(std::move(found));
}

void check_secrets(const mls::EpochKeys& keys, const Json& expected) {
  const mls::EpochSecrets& s = keys.secrets;
  const std::pair<const char*, const Secret&> all[] = {
      {"sender_data_secret", s.sender_data_secret},
      {"encryption_secret", keys.encryption_secret},
      {"exporter_secret", s.exporter_secret},
      {"epoch_authenticator", s.epoch_authenticator},
      {"external_secret", s.external_secret},
      {"confirmation_key", s.confirmation_key},
      {"membership_key", s.membership_key},
      {"resumption_psk", s.resumption_psk},
      {"init_secret", s.init_secret}};
  for (const auto& [field, actual] : all) check_equal(actual.reveal(), hex(expected, field), field);
}

// Returns the epoch's init_secret.
Secret verify_epoch(const Suite& suite, View group_id, uint64_t number, const Secret& init_secret,
                    const Json& v) {
  const Bytes context = codec::encode(
      mls::GroupContext{.cipher_suite = suite.id,
                        .group_id = to_bytes(group_id),
                        .epoch = number,
                        .tree_hash = hex(v, "tree_hash"),
                        .confirmed_transcript_hash = hex(v, "confirmed_transcript_hash")});
  check_equal(context, hex(v, "group_context"), "group_context");

  Secret psk = v.contains("psk_secret") && !v.at("psk_secret").is_null()
                   ? secret(v, "psk_secret")
                   : Secret(suite.hash_size());
  Secret joiner = mls::joiner_secret(suite, init_secret, secret(v, "commit_secret"), context);
  check_equal(joiner.reveal(), hex(v, "joiner_secret"), "joiner_secret");
  check_equal(mls::welcome_secret(suite, joiner, psk).reveal(), hex(v, "welcome_secret"),
              "welcome_secret");
  mls::EpochKeys keys = mls::epoch_keys(suite, joiner, psk, context);
  check_secrets(keys, v);
  check_equal(mls::external_key_pair(suite, keys.secrets).public_key, hex(v, "external_pub"),
              "external_pub");
  const Json& exporter = v.at("exporter");
  check_equal(mls::mls_exporter(suite, keys.secrets, exporter.at("label").get<std::string>(),
                                hex(exporter, "context"), exporter.at("length").get<size_t>())
                  .reveal(),
              hex(exporter, "secret"), "exporter.secret");
  return std::move(keys.secrets.init_secret);
}

}  // namespace

void verify_secret_tree(const Json& vector) {
  const Suite& suite = suite_of(vector);
  const Json& sender_data = vector.at("sender_data");
  mls::SenderDataKey key = mls::sender_data_key(suite, secret(sender_data, "sender_data_secret"),
                                                hex(sender_data, "ciphertext"));
  check_equal(key.key.reveal(), hex(sender_data, "key"), "sender_data.key");
  check_equal(key.nonce.reveal(), hex(sender_data, "nonce"), "sender_data.nonce");

  const Json& leaves = vector.at("leaves");
  const uint32_t width = mls::tree_width(static_cast<uint32_t>(leaves.size()));
  SecretTree tree(suite, width, secret(vector, "encryption_secret"), any_distance);
  for (uint32_t i = 0; i < leaves.size(); ++i) {
    for (const Json& expected : leaves[i]) {
      check_generation(tree, LeafIndex{i}, RatchetType::handshake, expected, "handshake_key",
                       "handshake_nonce");
      check_generation(tree, LeafIndex{i}, RatchetType::application, expected, "application_key",
                       "application_nonce");
    }
  }
}

void verify_key_schedule(const Json& vector) {
  const Suite& suite = suite_of(vector);
  const Bytes group_id = hex(vector, "group_id");
  Secret init_secret = secret(vector, "initial_init_secret");
  const Json& epochs = vector.at("epochs");
  for (size_t i = 0; i < epochs.size(); ++i) {
    try {
      init_secret = verify_epoch(suite, group_id, i, init_secret, epochs[i]);
    } catch (const Mismatch& mismatch) {
      throw Mismatch("epoch " + std::to_string(i) + ": " + mismatch.what());
    }
  }
}

void verify_psk_secret(const Json& vector) {
  std::vector<mls::Psk> psks;
  for (const Json& psk : vector.at("psks")) {
    mls::PreSharedKeyId id{.psktype = mls::PskType::external,
                           .psk_id = hex(psk, "psk_id"),
                           .psk_nonce = hex(psk, "psk_nonce")};
    psks.push_back({std::move(id), secret(psk, "psk")});
  }
  check_equal(mls::psk_secret(suite_of(vector), psks).reveal(), hex(vector, "psk_secret"),
              "psk_secret");
}

void verify_transcript_hashes(const Json& vector) {
  const Suite& suite = suite_of(vector);
  auto content = codec::decode<mls::AuthenticatedContent>(hex(vector, "authenticated_content"));
  check(content.content.content_type() == mls::ContentType::commit,
        "authenticated_content is no commit");
  const Bytes confirmed = hex(vector, "confirmed_transcript_hash_after");
  const Bytes& tag = content.auth.confirmation_tag.value();
  check_equal(tag, mls::mac(suite, secret(vector, "confirmation_key"), confirmed),
              "confirmation_tag");
  check_equal(
      mls::confirmed_transcript_hash(suite, hex(vector, "interim_transcript_hash_before"), content),
      confirmed, "confirmed_transcript_hash_after");
  check_equal(mls::interim_transcript_hash(suite, confirmed, tag),
              hex(vector, "interim_transcript_hash_after"), "interim_transcript_hash_after");
}

}  // namespace qnpc::vectors
