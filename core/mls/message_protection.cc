#include "qnpc/mls/message_protection.h"

#include <algorithm>

namespace qnpc::mls {
namespace {

// 6.3.2. The sender's leaf and generation, encrypted by themselves.
struct SenderData {
  LeafIndex leaf_index{};
  uint32_t generation = 0;
  ByteArray<4> reuse_guard{};
  static auto wire(auto& m) { return std::tie(m.leaf_index, m.generation, m.reuse_guard); }
};

// FramedContentTBS, 6.1.
void write_tbs(codec::Writer& w, const AuthenticatedContent& m, const GroupContext& context) {
  codec::write(w, ProtocolVersion::mls10);
  codec::write(w, m.wire_format);
  codec::write(w, m.content);
  SenderType type = m.content.sender.sender_type;
  if (type == SenderType::member || type == SenderType::new_member_commit) {
    codec::write(w, context);
  }
}

Bytes tbs(const AuthenticatedContent& content, const GroupContext& context) {
  codec::Writer w;
  write_tbs(w, content, context);
  return w.take();
}

// PrivateContentAAD and SenderDataAAD, 6.3.1 and 6.3.2.
Bytes content_aad(const PrivateMessage& m) {
  codec::Writer w;
  codec::write(w, m.group_id);
  codec::write(w, m.epoch);
  codec::write(w, m.content_type);
  codec::write(w, m.authenticated_data);
  return w.take();
}
Bytes sender_data_aad(const PrivateMessage& m) {
  codec::Writer w;
  codec::write(w, m.group_id);
  codec::write(w, m.epoch);
  codec::write(w, m.content_type);
  return w.take();
}

Secret guarded_nonce(const MessageKey& key, const ByteArray<4>& reuse_guard) {
  Secret nonce = key.nonce.clone();
  for (size_t i = 0; i < reuse_guard.size(); ++i) nonce.reveal_mutable()[i] ^= reuse_guard[i];
  return nonce;
}

}  // namespace

AuthenticatedContent sign_content(const Suite& suite, WireFormat wire_format, FramedContent content,
                                  const GroupContext& context,
                                  const crypto::SignatureKeyPair& signer) {
  AuthenticatedContent out{wire_format, std::move(content), {}};
  out.auth.signature = sign_with_label(suite, signer, "FramedContentTBS", tbs(out, context));
  return out;
}

void verify_content(const Suite& suite, const AuthenticatedContent& content,
                    const GroupContext& context, View signature_key) {
  bool commit = content.content.content_type() == ContentType::commit;
  require(content.auth.confirmation_tag.has_value() == commit, Reject::missing_confirmation_tag);
  require(verify_with_label(suite, signature_key, "FramedContentTBS", tbs(content, context),
                            content.auth.signature),
          Reject::bad_signature);
}

Bytes membership_tag(const Suite& suite, const AuthenticatedContent& content,
                     const GroupContext& context, const Secret& membership_key) {
  codec::Writer w;
  write_tbs(w, content, context);
  codec::write(w, content.auth);
  return mac(suite, membership_key, w.view());
}

PublicMessage protect_public(const Suite& suite, AuthenticatedContent content,
                             const GroupContext& context, const Secret& membership_key) {
  require(content.content.content_type() != ContentType::application,
          Reject::application_not_encrypted);
  PublicMessage out;
  if (content.content.sender.sender_type == SenderType::member) {
    out.membership_tag = membership_tag(suite, content, context, membership_key);
  }
  out.content = std::move(content.content);
  out.auth = std::move(content.auth);
  return out;
}

AuthenticatedContent open_public(const Suite& suite, PublicMessage message,
                                 const GroupContext& context, const Secret& membership_key) {
  bool from_member = message.content.sender.sender_type == SenderType::member;
  require(from_member == message.membership_tag.has_value(), Reject::missing_membership_tag);
  AuthenticatedContent out{WireFormat::public_message, std::move(message.content),
                           std::move(message.auth)};
  if (from_member) {
    require(constant_time_equal(membership_tag(suite, out, context, membership_key),
                                *message.membership_tag),
            Reject::bad_membership_tag);
  }
  return out;
}

PrivateMessage protect_private(const Suite& suite, const AuthenticatedContent& content,
                               const MessageKey& key, const Secret& sender_data_secret,
                               size_t padding, Random& random) {
  PrivateMessage out{.group_id = content.content.group_id,
                     .epoch = content.content.epoch,
                     .content_type = content.content.content_type(),
                     .authenticated_data = content.content.authenticated_data};
  codec::SecretWriter plaintext;  // PrivateMessageContent
  write_content(plaintext, content.content.content);
  codec::write(plaintext, content.auth);
  plaintext.raw(Bytes(padding, 0));

  SenderData sender_data{content.content.sender.leaf_index(), key.generation, {}};
  random.fill(sender_data.reuse_guard);
  out.ciphertext = crypto::aead_seal(suite.aead(), key.key.reveal(),
                                     guarded_nonce(key, sender_data.reuse_guard).reveal(),
                                     content_aad(out), plaintext.view());
  auto [data_key, data_nonce] = sender_data_key(suite, sender_data_secret, out.ciphertext);
  out.encrypted_sender_data =
      crypto::aead_seal(suite.aead(), data_key.reveal(), data_nonce.reveal(), sender_data_aad(out),
                        codec::encode(sender_data));
  return out;
}

OpenedPrivate open_private(const Suite& suite, const PrivateMessage& message,
                           const SecretTree& secret_tree, const Secret& sender_data_secret,
                           LeafIndex own_leaf) {
  auto [data_key, data_nonce] = sender_data_key(suite, sender_data_secret, message.ciphertext);
  Secret data = crypto::aead_open(suite.aead(), data_key.reveal(), data_nonce.reveal(),
                                  sender_data_aad(message), message.encrypted_sender_data);
  auto sender_data = codec::decode<SenderData>(data.reveal());
  require(sender_data.leaf_index != own_leaf, Reject::own_message);
  SecretTree::Found found = secret_tree.find(
      sender_data.leaf_index, ratchet_type(message.content_type), sender_data.generation);
  Secret plaintext = crypto::aead_open(suite.aead(), found.key.key.reveal(),
                                       guarded_nonce(found.key, sender_data.reuse_guard).reveal(),
                                       content_aad(message), message.ciphertext);

  codec::Reader r(plaintext.reveal());
  AuthenticatedContent content{
      .wire_format = WireFormat::private_message, .content = {}, .auth = {}};
  content.content.group_id = message.group_id;
  content.content.epoch = message.epoch;
  content.content.sender = {SenderType::member, value(sender_data.leaf_index)};
  content.content.authenticated_data = message.authenticated_data;
  content.content.content = read_content(message.content_type, r);
  content.auth = FramedContentAuthData::read(message.content_type, r);
  require(std::ranges::all_of(r.rest(), [](uint8_t byte) { return byte == 0; }),
          Reject::nonzero_padding);
  return {std::move(content), std::move(found)};
}

SenderDataKey sender_data_key(const Suite& suite, const Secret& sender_data_secret,
                              View ciphertext) {
  View sample = ciphertext.first(std::min(ciphertext.size(), suite.hash_size()));
  auto expand = [&](std::string_view label, size_t length) {
    return expand_with_label(suite, sender_data_secret.reveal(), label, sample, length);
  };
  return {expand("key", suite.key_size()), expand("nonce", crypto::aead_nonce_size)};
}

RatchetType ratchet_type(ContentType type) {
  return type == ContentType::application ? RatchetType::application : RatchetType::handshake;
}

}  // namespace qnpc::mls
