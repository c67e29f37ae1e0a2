// Official messages, cut short at every byte and with every byte changed: decoders refuse them or
// give a struct that encodes to exactly these bytes; a group refuses them and does not change.
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/mls/test_client.h"
#include "tests/support/seeded_random.h"
#include "tests/support/vectors.h"
#include "tools/mls_vectors/passive_client.h"

namespace qnpc {
namespace {

using vectors::hex;
using vectors::Json;

constexpr uint8_t flips[] = {0x01, 0x80, 0xff};
// Above this size not every byte is tried but every 13th: prime, so that all fields are met.
constexpr size_t small_message = 1024;
constexpr size_t stride_of_large = 13;

size_t stride(size_t size) { return size <= small_message ? 1 : stride_of_large; }

Json load(const std::filesystem::path& path) { return Json::parse(std::ifstream(path)); }

// Calls `use` with each changed copy of `bytes`.
template <class Use>
void for_each_flip(const Bytes& bytes, Use&& use) {
  Bytes changed = bytes;
  for (size_t i = 0; i < bytes.size(); i += stride(bytes.size())) {
    for (uint8_t flip : flips) {
      changed[i] = bytes[i] ^ flip;
      use(changed, i);
    }
    changed[i] = bytes[i];
  }
}

template <class T>
void check_decoder(const Bytes& bytes, const std::string& name) {
  SCOPED_TRACE(name);
  for (size_t size = 0; size < bytes.size(); size += stride(bytes.size())) {
    EXPECT_THROW(codec::decode<T>(View(bytes).first(size)), Error) << "cut to " << size;
  }
  for_each_flip(bytes, [](const Bytes& changed, size_t i) {
    try {
      T parsed = codec::decode<T>(changed);
      EXPECT_TRUE(equal(codec::encode_secret(parsed).reveal(), changed)) << "byte " << i;
    } catch (const Error&) {
    }
  });
}

void check_message_structs(const Json& v) {
  for (const char* name :
       {"mls_welcome", "mls_group_info", "mls_key_package", "public_message_application",
        "public_message_proposal", "public_message_commit", "private_message"}) {
    check_decoder<mls::MlsMessage>(hex(v, name), name);
  }
  check_decoder<mls::RatchetTree>(hex(v, "ratchet_tree"), "ratchet_tree");
  check_decoder<mls::GroupSecrets>(hex(v, "group_secrets"), "group_secrets");
  check_decoder<mls::Add>(hex(v, "add_proposal"), "add_proposal");
  check_decoder<mls::Update>(hex(v, "update_proposal"), "update_proposal");
  check_decoder<mls::Remove>(hex(v, "remove_proposal"), "remove_proposal");
  check_decoder<mls::PreSharedKey>(hex(v, "pre_shared_key_proposal"), "pre_shared_key_proposal");
  check_decoder<mls::ReInit>(hex(v, "re_init_proposal"), "re_init_proposal");
  check_decoder<mls::ExternalInit>(hex(v, "external_init_proposal"), "external_init_proposal");
  check_decoder<mls::GroupContextExtensions>(hex(v, "group_context_extensions_proposal"),
                                             "group_context_extensions_proposal");
  check_decoder<mls::Commit>(hex(v, "commit"), "commit");
}

// All records of a group, as comparable bytes.
using Records = std::map<std::string, Bytes>;
Records saved(mls::Group& group, MemoryStorage& storage) {
  group.save(storage);
  Records out;
  for (const auto& [name, record] : storage.records()) out[name] = to_bytes(record.reveal());
  return out;
}

void expect_refused(mls::Group& group, View message, const vectors::PassiveClient& client,
                    const std::string& what) {
  EXPECT_THROW(group.process(mls::parse_message(message), client.lifetimes(), client.psks()), Error)
      << what;
}

// Every damaged copy of the message is refused; then the message itself does what it should.
void check_process(mls::Group& group, const Bytes& message, const vectors::PassiveClient& client) {
  MemoryStorage storage;
  group.save(storage);  // what was not saved before
  group = mls::Group::load(storage);
  const Records before = saved(group, storage);
  for (size_t size = 0; size < message.size(); size += stride(message.size())) {
    expect_refused(group, View(message).first(size), client, "cut to " + std::to_string(size));
  }
  for_each_flip(message, [&](const Bytes& changed, size_t i) {
    expect_refused(group, changed, client, "byte " + std::to_string(i));
  });
  EXPECT_EQ(saved(group, storage), before);
  mls::Processed processed =
      group.process(mls::parse_message(message), client.lifetimes(), client.psks());
  if (auto* staged = std::get_if<mls::StagedCommit>(&processed)) group.merge(std::move(*staged));
}

// A Welcome for several protects the others' secrets only for them: a change there may pass, and
// then nothing of what we learn is another.
void check_join(const Json& vector) {
  const vectors::PassiveClient client(vector);
  const Bytes welcome = hex(vector, "welcome");
  const Bytes authenticator = hex(vector, "initial_epoch_authenticator");
  auto join = [&](View bytes) {
    mls::MlsMessage parsed = mls::parse_message(bytes);
    const auto* content = parsed.get<mls::Welcome>();
    if (content == nullptr) throw Error(Reason::malformed, "no Welcome");
    return client.join(*content).epoch_authenticator();
  };
  for (size_t size = 0; size < welcome.size(); size += stride(welcome.size())) {
    EXPECT_THROW(join(View(welcome).first(size)), Error) << "cut to " << size;
  }
  const bool for_us_only = client.welcome().secrets.size() == 1;
  for_each_flip(welcome, [&](const Bytes& changed, size_t i) {
    try {
      EXPECT_EQ(join(changed), authenticator) << "byte " << i;
      EXPECT_FALSE(for_us_only) << "byte " << i;
    } catch (const Error&) {
    }
  });
}

// Calls `check` for the first vector of each suite.
template <class Check>
void for_each_suite(const Json& file, Check&& check) {
  std::set<mls::CipherSuite> seen;
  for (size_t i = 0; i < file.size(); ++i) {
    auto suite = file[i].at("cipher_suite").get<mls::CipherSuite>();
    if (!mls::is_supported(suite) || !seen.insert(suite).second) continue;
    SCOPED_TRACE("vector " + std::to_string(i));
    check(file[i]);
  }
}

TEST(BadInput, DecodersRefuseOrReadExactly) {
  QNPC_VECTORS_OR_SKIP(path, "mls/messages.json");
  const Json file = load(path);
  for (size_t i = 0; i < file.size(); i += 60) {
    SCOPED_TRACE("vector " + std::to_string(i));
    check_message_structs(file[i]);
  }
}

TEST(BadInput, DecodersOfLargeMessages) {
  QNPC_VECTORS_OR_SKIP(path, "mls/passive-client-handling-commit.json");
  for_each_suite(load(path), [](const Json& v) {
    check_decoder<mls::MlsMessage>(hex(v, "welcome"), "welcome");
    check_decoder<mls::MlsMessage>(hex(v, "key_package"), "key_package");
    for (const Json& epoch : v.at("epochs")) {
      check_decoder<mls::MlsMessage>(hex(epoch, "commit"), "commit");
    }
  });
}

TEST(BadInput, JoinRefusesADamagedWelcome) {
  QNPC_VECTORS_OR_SKIP(path, "mls/passive-client-welcome.json");
  for_each_suite(load(path), check_join);
}

TEST(BadInput, ProcessRefusesADamagedMessageAndChangesNothing) {
  QNPC_VECTORS_OR_SKIP(path, "mls/passive-client-handling-commit.json");
  for_each_suite(load(path), [](const Json& v) {
    const vectors::PassiveClient client(v);
    mls::Group group = client.join(client.welcome());
    for (const Json& epoch : v.at("epochs")) {
      for (const Json& proposal : epoch.at("proposals")) {
        check_process(group, hex(proposal), client);
      }
      check_process(group, hex(epoch, "commit"), client);
      EXPECT_EQ(group.epoch_authenticator(), hex(epoch, "epoch_authenticator"));
    }
  });
}

// The same for PrivateMessages, of which the official scenarios hold none: a group of our own.
TEST(BadInput, ProcessRefusesADamagedPrivateMessageAndChangesNothing) {
  test::SeededRandom random(1);
  const mls::Suite& suite =
      mls::suite_of(mls::CipherSuite::mls_128_dhkemx25519_aes128gcm_sha256_ed25519);
  test::TestClient alice(suite, "alice", random);
  test::TestClient bob(suite, "bob", random);
  alice.create_group(random);
  const mls::NewKeyPackage own = bob.make_key_package(random);
  mls::NewCommit add = alice.group().commit({.proposals = {{mls::Add{own.key_package}}}},
                                            alice.signer(), test::test_time, random);
  alice.group().merge(std::move(add.staged));
  bob.join(*add.welcome, own);

  MemoryStorage storage;
  auto check = [&](const Bytes& message) {
    const Records before = saved(bob.group(), storage);
    for_each_flip(message, [&](const Bytes& changed, size_t i) {
      EXPECT_THROW(bob.receive(changed), Error) << "byte " << i;
    });
    EXPECT_EQ(saved(bob.group(), storage), before);
    return bob.receive(message);
  };
  check(alice.group().protect(as_view("text"), alice.signer(), 10, random));
  mls::Proposal update = alice.group().make_update(alice.signer(), random);
  check(alice.group().propose(std::move(update), alice.signer(), test::test_time, random));
  mls::NewCommit commit = alice.group().commit({}, alice.signer(), test::test_time, random);
  EXPECT_TRUE(std::holds_alternative<mls::StagedCommit>(check(commit.message)));
}

// The keys of message-protection, with which its PrivateMessages are opened.
TEST(BadInput, OpenPrivateRefusesADamagedMessage) {
  QNPC_VECTORS_OR_SKIP(path, "mls/message-protection.json");
  for_each_suite(load(path), [](const Json& v) {
    const mls::Suite& suite = vectors::suite_of(v);
    const mls::SecretTree tree(suite, 2, vectors::secret(v, "encryption_secret"));
    const Secret sender_data_secret = vectors::secret(v, "sender_data_secret");
    auto open = [&](View bytes) {
      mls::MlsMessage parsed = mls::parse_message(bytes);
      const auto* message = parsed.get<mls::PrivateMessage>();
      if (message == nullptr) throw Error(Reason::malformed, "no PrivateMessage");
      mls::open_private(suite, *message, tree, sender_data_secret, mls::LeafIndex{0});
    };
    for (const char* name : {"proposal_priv", "commit_priv", "application_priv"}) {
      const Bytes message = hex(v, name);
      EXPECT_NO_THROW(open(message)) << name;
      for_each_flip(message, [&](const Bytes& changed, size_t i) {
        EXPECT_THROW(open(changed), Error) << name << ", byte " << i;
      });
    }
  });
}

TEST(BadInput, OpenPublicRefusesADamagedMessage) {
  QNPC_VECTORS_OR_SKIP(path, "mls/message-protection.json");
  for_each_suite(load(path), [](const Json& v) {
    const mls::Suite& suite = vectors::suite_of(v);
    const Secret membership_key = vectors::secret(v, "membership_key");
    const mls::GroupContext context{
        .cipher_suite = suite.id,
        .group_id = hex(v, "group_id"),
        .epoch = v.at("epoch").get<uint64_t>(),
        .tree_hash = hex(v, "tree_hash"),
        .confirmed_transcript_hash = hex(v, "confirmed_transcript_hash")};
    auto open = [&](View bytes) {
      mls::MlsMessage parsed = mls::parse_message(bytes);
      const auto* message = parsed.get<mls::PublicMessage>();
      if (message == nullptr) throw Error(Reason::malformed, "no PublicMessage");
      auto content = mls::open_public(suite, *message, context, membership_key);
      mls::verify_content(suite, content, context, hex(v, "signature_pub"));
    };
    for (const char* name : {"proposal_pub", "commit_pub"}) {
      const Bytes message = hex(v, name);
      EXPECT_NO_THROW(open(message)) << name;
      for_each_flip(message, [&](const Bytes& changed, size_t i) {
        EXPECT_THROW(open(changed), Error) << name << ", byte " << i;
      });
    }
  });
}

}  // namespace
}  // namespace qnpc
