// message-protection, messages and welcome.

#include "qnpc/crypto/system_random.h"
#include "qnpc/mls/message_protection.h"
#include "qnpc/mls/welcome.h"
#include "tools/mls_vectors/verify.h"

namespace qnpc::vectors {
namespace {

using mls::AuthenticatedContent;
using mls::ContentType;
using mls::LeafIndex;
using mls::PrivateMessage;
using mls::PublicMessage;
using mls::SecretTree;
using mls::Suite;
using mls::WireFormat;

constexpr LeafIndex sender_leaf{1};
constexpr LeafIndex receiver_leaf{0};
constexpr size_t padding = 7;  // any: a receiver takes each amount

// What message-protection gives: the keys of an epoch of a group of two.
struct Setting {
  const Suite& suite;
  const Json& vector;
  mls::GroupContext context;
  crypto::SignatureKeyPair signer;
  Secret membership_key;
  Secret sender_data_secret;

  SecretTree secret_tree() const { return {suite, 2, secret(vector, "encryption_secret")}; }
};

Setting setting_of(const Json& vector) {
  const Suite& suite = suite_of(vector);
  mls::GroupContext context{.cipher_suite = suite.id,
                            .group_id = hex(vector, "group_id"),
                            .epoch = vector.at("epoch").get<uint64_t>(),
                            .tree_hash = hex(vector, "tree_hash"),
                            .confirmed_transcript_hash = hex(vector, "confirmed_transcript_hash")};
  auto signer = signature_key(suite, vector, "signature_priv");
  check_equal(signer.public_key, hex(vector, "signature_pub"), "signature_pub");
  return {suite,
          vector,
          std::move(context),
          std::move(signer),
          secret(vector, "membership_key"),
          secret(vector, "sender_data_secret")};
}

Bytes raw(const mls::Content& content) {
  if (const auto* data = std::get_if<Bytes>(&content)) return *data;
  codec::Writer w;
  write_content(w, content);
  return w.take();
}

mls::Content parse_raw(ContentType type, View bytes) {
  if (type == ContentType::application) return to_bytes(bytes);
  codec::Reader r(bytes);
  mls::Content out = mls::read_content(type, r);
  r.expect_end();
  return out;
}

AuthenticatedContent open(const Setting& s, PublicMessage message) {
  AuthenticatedContent out =
      mls::open_public(s.suite, std::move(message), s.context, s.membership_key);
  mls::verify_content(s.suite, out, s.context, s.signer.public_key);
  return out;
}

AuthenticatedContent open(const Setting& s, const PrivateMessage& message) {
  SecretTree tree = s.secret_tree();
  AuthenticatedContent out =
      mls::open_private(s.suite, message, tree, s.sender_data_secret, receiver_leaf).content;
  mls::verify_content(s.suite, out, s.context, s.signer.public_key);
  return out;
}

// The raw content, signed. A commit's tag is not judged here: it is the vector's own.
AuthenticatedContent sign(const Setting& s, WireFormat format, mls::Content content,
                          const std::optional<Bytes>& confirmation_tag) {
  mls::FramedContent framed{.group_id = s.context.group_id,
                            .epoch = s.context.epoch,
                            .sender = {mls::SenderType::member, value(sender_leaf)},
                            .authenticated_data = to_bytes(std::string_view("any")),
                            .content = std::move(content)};
  AuthenticatedContent out =
      mls::sign_content(s.suite, format, std::move(framed), s.context, s.signer);
  out.auth.confirmation_tag = confirmation_tag;
  return out;
}

void check_content(const AuthenticatedContent& opened, View expected, const std::string& what) {
  check(opened.content.sender.leaf_index() == sender_leaf, what + " is from another sender");
  check_equal(raw(opened.content.content), expected, what);
}

void verify_handshake_public(const Setting& s, ContentType type, const std::string& field,
                             std::optional<Bytes>& confirmation_tag) {
  const Bytes expected = hex(s.vector, field.c_str());
  auto theirs = open(s, message<PublicMessage>(s.vector, (field + "_pub").c_str()));
  check_content(theirs, expected, field + "_pub");
  confirmation_tag = theirs.auth.confirmation_tag;

  auto content = sign(s, WireFormat::public_message, parse_raw(type, expected), confirmation_tag);
  Bytes ours = mls::to_message(
      mls::protect_public(s.suite, std::move(content), s.context, s.membership_key));
  mls::MlsMessage parsed = mls::parse_message(ours);
  check_content(open(s, std::get<PublicMessage>(parsed.content)), expected,
                field + " as our own PublicMessage");
}

void verify_private(const Setting& s, ContentType type, const std::string& field,
                    const std::optional<Bytes>& confirmation_tag) {
  const Bytes expected = hex(s.vector, field.c_str());
  auto theirs = open(s, message<PrivateMessage>(s.vector, (field + "_priv").c_str()));
  check_content(theirs, expected, field + "_priv");

  auto content = sign(s, WireFormat::private_message, parse_raw(type, expected), confirmation_tag);
  SecretTree tree = s.secret_tree();
  mls::MessageKey key = tree.next(sender_leaf, mls::ratchet_type(type));
  crypto::SystemRandom random;
  Bytes ours = mls::to_message(
      mls::protect_private(s.suite, content, key, s.sender_data_secret, padding, random));
  mls::MlsMessage parsed = mls::parse_message(ours);
  check_content(open(s, std::get<PrivateMessage>(parsed.content)), expected,
                field + " as our own PrivateMessage");
}

void verify_no_public_application(const Setting& s) {
  auto content = sign(s, WireFormat::public_message, hex(s.vector, "application"), std::nullopt);
  try {
    mls::protect_public(s.suite, std::move(content), s.context, s.membership_key);
  } catch (const mls::Rejected&) {
    return;
  }
  throw Mismatch("application data was protected as a PublicMessage");
}

template <class T>
void verify_struct(const Json& vector, const char* field) {
  const Bytes bytes = hex(vector, field);
  // encode_secret takes structs with secrets and without.
  check_equal(codec::encode_secret(codec::decode<T>(bytes)).reveal(), bytes, field);
}

void verify_message(const Json& vector, const char* field, WireFormat expected) {
  const Bytes bytes = hex(vector, field);
  mls::MlsMessage parsed = mls::parse_message(bytes);
  check(parsed.wire_format() == expected, std::string(field) + " is of another wire format");
  check_equal(codec::encode(parsed), bytes, field);
}

void verify_public_message(const Json& vector, const char* field, ContentType expected) {
  verify_message(vector, field, WireFormat::public_message);
  check(message<PublicMessage>(vector, field).content.content_type() == expected,
        std::string(field) + " is of another content type");
}

}  // namespace

void verify_message_protection(const Json& vector) {
  const Setting s = setting_of(vector);
  std::optional<Bytes> confirmation_tag;
  verify_handshake_public(s, ContentType::proposal, "proposal", confirmation_tag);
  verify_private(s, ContentType::proposal, "proposal", std::nullopt);
  verify_handshake_public(s, ContentType::commit, "commit", confirmation_tag);
  verify_private(s, ContentType::commit, "commit", confirmation_tag);
  verify_no_public_application(s);
  verify_private(s, ContentType::application, "application", std::nullopt);
}

void verify_messages(const Json& vector) {
  verify_message(vector, "mls_welcome", WireFormat::welcome);
  verify_message(vector, "mls_group_info", WireFormat::group_info);
  verify_message(vector, "mls_key_package", WireFormat::key_package);
  verify_struct<mls::RatchetTree>(vector, "ratchet_tree");
  verify_struct<mls::GroupSecrets>(vector, "group_secrets");
  verify_struct<mls::Add>(vector, "add_proposal");
  verify_struct<mls::Update>(vector, "update_proposal");
  verify_struct<mls::Remove>(vector, "remove_proposal");
  verify_struct<mls::PreSharedKey>(vector, "pre_shared_key_proposal");
  verify_struct<mls::ReInit>(vector, "re_init_proposal");
  verify_struct<mls::ExternalInit>(vector, "external_init_proposal");
  verify_struct<mls::GroupContextExtensions>(vector, "group_context_extensions_proposal");
  verify_struct<mls::Commit>(vector, "commit");
  verify_public_message(vector, "public_message_application", ContentType::application);
  verify_public_message(vector, "public_message_proposal", ContentType::proposal);
  verify_public_message(vector, "public_message_commit", ContentType::commit);
  verify_message(vector, "private_message", WireFormat::private_message);
}

void verify_welcome(const Json& vector) {
  const Suite& suite = suite_of(vector);
  auto key_package = message<mls::KeyPackage>(vector, "key_package");
  auto welcome = message<mls::Welcome>(vector, "welcome");
  auto init = hpke_key(suite, vector, "init_priv");
  check_equal(init.public_key, key_package.init_key, "the init key's public half");

  const mls::EncryptedGroupSecrets* entry = welcome.find(key_package.ref());
  check(entry != nullptr, "welcome holds no secrets for key_package");
  mls::GroupSecrets secrets =
      mls::decrypt_group_secrets(suite, init, *entry, welcome.encrypted_group_info);
  check(secrets.psks.empty(), "welcome names PSKs");
  const Secret no_psk = mls::psk_secret(suite, {});
  mls::GroupInfo info =
      mls::decrypt_group_info(suite, mls::welcome_secret(suite, secrets.joiner_secret, no_psk),
                              welcome.encrypted_group_info);
  check(info.verify(suite, hex(vector, "signer_pub")), "the GroupInfo's signature does not verify");

  const mls::GroupContext& context = info.group_context;
  mls::EpochKeys keys =
      mls::epoch_keys(suite, secrets.joiner_secret, no_psk, codec::encode(context));
  check_equal(mls::confirmation_tag(suite, keys.secrets, context.confirmed_transcript_hash),
              info.confirmation_tag, "confirmation_tag");
}

}  // namespace qnpc::vectors
