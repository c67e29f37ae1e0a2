// message_protection: signing, encrypting and opening messages. RFC 9420 section 6.
#pragma once

#include "qnpc/mls/key_schedule.h"
#include "qnpc/mls/secret_tree.h"

namespace qnpc::mls {

/// Signs FramedContentTBS (6.1). A commit's confirmation_tag is set later, by whoever knows it.
AuthenticatedContent sign_content(const Suite& suite, WireFormat wire_format, FramedContent content,
                                  const GroupContext& context,
                                  const crypto::SignatureKeyPair& signer);
/// Rejects with bad_signature, or missing_confirmation_tag.
void verify_content(const Suite& suite, const AuthenticatedContent& content,
                    const GroupContext& context, View signature_key);

/// MAC over AuthenticatedContentTBM, 6.2.
Bytes membership_tag(const Suite& suite, const AuthenticatedContent& content,
                     const GroupContext& context, const Secret& membership_key);
/// 6.2. `content` was signed for WireFormat::public_message. Rejects application data
/// (application_not_encrypted).
PublicMessage protect_public(const Suite& suite, AuthenticatedContent content,
                             const GroupContext& context, const Secret& membership_key);
/// Rejects with bad_membership_tag, where the sender is a member. The signature is not looked at.
AuthenticatedContent open_public(const Suite& suite, PublicMessage message,
                                 const GroupContext& context, const Secret& membership_key);

/// 6.3. `content` was signed for WireFormat::private_message, and its sender is a member; `key` is
/// that member's next. `padding` zeros are added to the plaintext.
PrivateMessage protect_private(const Suite& suite, const AuthenticatedContent& content,
                               const MessageKey& key, const Secret& sender_data_secret,
                               size_t padding, Random& random);

struct OpenedPrivate {
  AuthenticatedContent content;
  SecretTree::Found key;  // to be consumed once the content has proven good
};
/// Throws Reason::decrypt_failed, or rejects (own_message for one from `own_leaf`, whose keys are
/// gone); changes nothing. The signature is not looked at.
OpenedPrivate open_private(const Suite& suite, const PrivateMessage& message,
                           const SecretTree& secret_tree, const Secret& sender_data_secret,
                           LeafIndex own_leaf);

/// What the sender data of a message with that ciphertext is encrypted with, 6.3.2.
struct SenderDataKey {
  Secret key;
  Secret nonce;
};
SenderDataKey sender_data_key(const Suite& suite, const Secret& sender_data_secret,
                              View ciphertext);

/// The kind of key that content of that type is encrypted with.
RatchetType ratchet_type(ContentType type);

}  // namespace qnpc::mls
