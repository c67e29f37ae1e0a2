// Section 6: what is no message, and what the layers below the group refuse of one.
#include "qnpc/mls/framing.h"

#include <gtest/gtest.h>

#include "qnpc/mls/message_protection.h"
#include "tests/support/mls_insider.h"
#include "tests/support/reason_of.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::reason_of;
using test::reject_of;

class FramingTest : public test::GroupOfThree {
 protected:
  // A PrivateMessage of Alice's with this content, as far as the keys of the group go an honest
  // one.
  PrivateMessage private_from(LeafIndex sender, Content content, size_t padding,
                              uint32_t generation = 0) {
    Epoch e = alice.epoch();
    FramedContent framed{e.context.group_id,
                         e.context.epoch,
                         {SenderType::member, value(sender)},
                         {},
                         std::move(content)};
    auto signed_content = sign_content(Insider::suite(), WireFormat::private_message,
                                       std::move(framed), e.context, alice.signer);
    MessageKey key =
        std::move(e.secret_tree.find(sender, RatchetType::application, generation).key);
    return protect_private(Insider::suite(), signed_content, key, e.secrets.sender_data_secret,
                           padding, random);
  }
};

TEST(Framing, RejectsTypesThatDoNotExist) {
  EXPECT_EQ(reject_of([] {
              codec::decode<FramedContent>(
                  *from_hex("00"
                            "0000000000000000"
                            "0100000000"
                            "00"
                            "04"));
            }),
            Reject::unknown_content_type);
  for (const char* sender : {"00", "05", "ff"}) {
    EXPECT_EQ(reject_of([&] { codec::decode<Sender>(*from_hex(sender)); }),
              Reject::unknown_sender_type);
  }
  EXPECT_EQ(reject_of([] { codec::decode<Credential>(*from_hex("000900")); }),
            Reject::unknown_credential_type);
  EXPECT_EQ(reject_of([] { codec::decode<Proposal>(*from_hex("000900")); }),
            Reject::unknown_proposal_type);
  EXPECT_EQ(reject_of([] { codec::decode<Proposal>(*from_hex("0a0a00")); }),  // GREASE, 13.5
            Reject::unknown_proposal_type);
  auto malformed = [](auto&& decode, const char* hex) {
    EXPECT_EQ(reason_of([&] { decode(*from_hex(hex)); }), Reason::malformed) << hex;
  };
  malformed(codec::decode<ProposalOrRef>, "0000");
  malformed(codec::decode<ProposalOrRef>, "0300");
  malformed(codec::decode<PreSharedKeyId>, "000000");
  malformed(codec::decode<PreSharedKeyId>, "030000");
  malformed(parse_message, "00010000");
  malformed(parse_message, "00010006");
  EXPECT_EQ(reason_of([] { parse_message(*from_hex("00020001")); }), Reason::unsupported);
}

TEST_F(FramingTest, RejectsNonzeroPadding) {
  make_group_of_three();
  Epoch e = bob.epoch();
  PrivateMessage honest = private_from(LeafIndex{0}, Bytes{1, 2}, 8);
  EXPECT_TRUE(std::holds_alternative<ApplicationMessage>(bob.process(to_message(honest))));

  // The same plaintext with one byte of its padding set, sealed with the same key.
  honest = private_from(LeafIndex{0}, Bytes{1, 2}, 8, 1);
  auto open_data =
      sender_data_key(Insider::suite(), e.secrets.sender_data_secret, honest.ciphertext);
  codec::Writer data_aad, content_aad;
  data_aad.opaque(honest.group_id);
  data_aad.u64(honest.epoch);
  codec::write(data_aad, honest.content_type);
  content_aad.raw(data_aad.view());
  content_aad.opaque(honest.authenticated_data);
  crypto::Aead aead = Insider::suite().aead();
  Secret data = crypto::aead_open(aead, open_data.key.reveal(), open_data.nonce.reveal(),
                                  data_aad.view(), honest.encrypted_sender_data);
  MessageKey key = std::move(e.secret_tree.find(LeafIndex{0}, RatchetType::application, 1).key);
  for (size_t i = 0; i < 4; ++i) key.nonce.reveal_mutable()[i] ^= data.reveal()[8 + i];
  Secret plaintext = crypto::aead_open(aead, key.key.reveal(), key.nonce.reveal(),
                                       content_aad.view(), honest.ciphertext);
  plaintext.reveal_mutable().back() = 1;
  PrivateMessage padded = honest;
  padded.ciphertext = crypto::aead_seal(aead, key.key.reveal(), key.nonce.reveal(),
                                        content_aad.view(), plaintext.reveal());
  auto seal_data =
      sender_data_key(Insider::suite(), e.secrets.sender_data_secret, padded.ciphertext);
  padded.encrypted_sender_data = crypto::aead_seal(
      aead, seal_data.key.reveal(), seal_data.nonce.reveal(), data_aad.view(), data.reveal());
  expect_reject(bob, to_message(padded), Reject::nonzero_padding);
  EXPECT_TRUE(std::holds_alternative<ApplicationMessage>(bob.process(to_message(honest))));
}

// 6.3.2: an insider knows the keys of every leaf of the secret tree, those of blank ones too.
TEST_F(FramingTest, RejectsPrivateMessagesOfBlankAndMissingLeaves) {
  make_group_of_three();
  expect_reject(bob, to_message(private_from(LeafIndex{3}, Bytes{1}, 0)), Reject::unknown_sender);
  Epoch e = alice.epoch();
  FramedContent framed{e.context.group_id, e.context.epoch, {}, {}, Bytes{1}};
  MessageKey key = std::move(e.secret_tree.find(LeafIndex{0}, RatchetType::application, 0).key);
  for (uint32_t leaf : {4u, 1u << 31, UINT32_MAX}) {
    framed.sender.index = leaf;
    auto content = sign_content(Insider::suite(), WireFormat::private_message, framed, e.context,
                                alice.signer);
    expect_reject(bob,
                  to_message(protect_private(Insider::suite(), content, key,
                                             e.secrets.sender_data_secret, 0, random)),
                  Reject::unknown_sender);
  }
}

// The sender data are encrypted by a key that every member has: only the signature tells members
// apart.
TEST_F(FramingTest, RejectsPrivateMessagesInTheNameOfAnother) {
  make_group_of_three();
  expect_reject(bob, to_message(private_from(LeafIndex{2}, Bytes{1}, 0)), Reject::bad_signature);
}

// The decoders cannot make these; they guard whoever builds the structs otherwise.
TEST_F(FramingTest, RejectsTagsThatAreMissingOrTooMany) {
  make_group_of_three();
  Epoch e = alice.epoch();
  auto honest = std::get<PublicMessage>(parse_message(alice.commit({}).message).content);
  auto open = [&](const std::function<void(PublicMessage&)>& change) {
    PublicMessage message = honest;
    change(message);
    return reject_of([&] {
      auto content = open_public(Insider::suite(), message, e.context, e.secrets.membership_key);
      verify_content(Insider::suite(), content, e.context, alice.signer.public_key);
    });
  };
  EXPECT_EQ(open([](auto&) {}), std::nullopt);
  EXPECT_EQ(open([](auto& m) { m.membership_tag.reset(); }), Reject::missing_membership_tag);
  EXPECT_EQ(open([](auto& m) { m.content.sender = {SenderType::new_member_commit}; }),
            Reject::missing_membership_tag);
  AuthenticatedContent content{WireFormat::public_message, honest.content, honest.auth};
  content.auth.confirmation_tag.reset();
  EXPECT_EQ(reject_of([&] {
              verify_content(Insider::suite(), content, e.context, alice.signer.public_key);
            }),
            Reject::missing_confirmation_tag);
  content.content.content = Bytes{1};
  content.auth.confirmation_tag = Bytes(32);
  EXPECT_EQ(reject_of([&] {
              verify_content(Insider::suite(), content, e.context, alice.signer.public_key);
            }),
            Reject::missing_confirmation_tag);
}

// 6: neither is sent to a group.
TEST_F(FramingTest, AGroupProcessesNoWelcomeGroupInfoOrKeyPackage) {
  make_group_of_three();
  for (const Bytes& message :
       {to_message(dave.key_package()), to_message(alice.group->group_info(alice.signer)),
        *alice.commit({{Add{dave.key_package()}}}).welcome}) {
    auto before = bob.state();
    EXPECT_EQ(reason_of([&] { bob.process(message); }), Reason::usage);
    EXPECT_EQ(bob.state(), before);
  }
}

}  // namespace
}  // namespace qnpc::mls
