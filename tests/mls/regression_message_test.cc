// Faults that other implementations of MLS had with messages and their keys, one test for each.
// What is tested elsewhere is in the table of docs/mls-rules.md.
#include <gtest/gtest.h>

#include "tests/support/mls_insider.h"
#include "tests/support/reason_of.h"
#include "tests/support/reject_of.h"

namespace qnpc::mls {
namespace {

using test::Insider;
using test::now;
using test::reason_of;
using test::reject_of;

class RegressionMessage : public test::GroupOfThree {
 protected:
  Bytes text_from(Insider& sender, std::string_view text) {
    return sender.group->protect(as_view(text), sender.signer, 0, random);
  }
  std::string read_by(Insider& reader, const Bytes& message) {
    return to_text(std::get<ApplicationMessage>(reader.process(message)).data);
  }
  // Text of Alice's with a key of that generation, as only she can make it.
  Bytes text_of_generation(uint32_t generation) {
    Epoch e = alice.epoch();
    FramedContent framed{e.context.group_id, e.context.epoch, {}, {}, Bytes{1}};
    auto content = sign_content(Insider::suite(), WireFormat::private_message, std::move(framed),
                                e.context, alice.signer);
    const MessageKey key{generation, Secret(Insider::suite().key_size()),
                         Secret(crypto::aead_nonce_size)};
    return to_message(
        protect_private(Insider::suite(), content, key, e.secrets.sender_data_secret, 0, random));
  }
  // How far the member has come with what Alice sends.
  std::array<uint64_t, 2> next_generations(Insider& member) {
    const Epoch e = member.epoch();
    return {e.secret_tree.next_generation(LeafIndex{0}, RatchetType::handshake),
            e.secret_tree.next_generation(LeafIndex{0}, RatchetType::application)};
  }
  size_t stored_bytes(Insider& member) {
    size_t out = 0;
    for (const auto& [name, record] : member.state()) out += record.size();
    return out;
  }
};

TEST_F(RegressionMessage, TrailingBytesAreRefusedEverywhere) {
  make_group_of_three();
  NewCommit commit = alice.commit({{Add{dave.key_package()}}});
  for (Bytes message : {commit.message, *commit.welcome, to_message(dave.key_package()),
                        to_message(alice.group->group_info(alice.signer)), text_from(alice, "x")}) {
    EXPECT_NO_THROW(parse_message(message));
    message.push_back(0);
    EXPECT_EQ(reason_of([&] { parse_message(message); }), Reason::malformed);
  }
}

// Generation 2^32-1: neither is the ratchet turned four billion times nor does its counter wrap.
TEST_F(RegressionMessage, TheLastGenerationIsTooFar) {
  make_group_of_three();
  for (uint32_t generation : {UINT32_MAX, UINT32_MAX - 1, 1u << 31, 1002u}) {
    expect_reject(bob, text_of_generation(generation), Reject::generation_too_far);
  }
  EXPECT_EQ(read_by(bob, text_from(alice, "still here")), "still here");
}

// A sender that skips as far as it may, again and again, with each of its ratchets.
TEST_F(RegressionMessage, RepeatedGapsKeepMemoryBounded) {
  for (RatchetType ratchet : {RatchetType::application, RatchetType::handshake}) {
    make_group_of_three();
    auto message = [&] {
      if (ratchet == RatchetType::application) return text_from(alice, "x");
      // The same again is the same proposal, in another message.
      return alice.group->propose({Remove{LeafIndex{2}}}, alice.signer, now, random);
    };
    bob.process(message());
    size_t after_first = 0;
    for (int round = 0; round < 6; ++round) {
      for (uint32_t i = 0; i < limits::mls_forward_generations; ++i) message();
      bob.process(message());
      if (round == 0) after_first = stored_bytes(bob);
    }
    EXPECT_LE(stored_bytes(bob), after_first + 64);
    // So many are kept, of the latest, and none besides.
    const std::array<uint64_t, 2> next = next_generations(bob);
    EXPECT_EQ(next[static_cast<size_t>(ratchet)], 6 * (limits::mls_forward_generations + 1) + 1);
    EXPECT_EQ(next[1 - static_cast<size_t>(ratchet)], 0u);
  }
}

TEST_F(RegressionMessage, ACorruptedMessageBurnsNoKey) {
  make_group_of_three();
  for (Bytes genuine : {text_from(alice, "genuine"),
                        alice.group->propose({Remove{LeafIndex{2}}}, alice.signer, now, random)}) {
    Bytes corrupted = genuine;
    corrupted.back() ^= 1;
    auto before = bob.state();
    EXPECT_EQ(reason_of([&] { bob.process(corrupted); }), Reason::decrypt_failed);
    EXPECT_EQ(bob.state(), before);
    EXPECT_NO_THROW(bob.process(genuine));
  }
}

TEST_F(RegressionMessage, AReplayIsRefused) {
  make_group_of_three();
  Bytes text = text_from(alice, "once");
  read_by(bob, text);
  expect_reject(bob, text, Reject::generation_used);
  Bytes proposal = alice.group->propose({Remove{LeafIndex{2}}}, alice.signer, now, random);
  bob.process(proposal);
  expect_reject(bob, proposal, Reject::generation_used);
  Bytes commit = bob.commit({}, WireFormat::private_message).message;
  alice.follow(commit);
  expect_reject(alice, commit, Reject::wrong_epoch);
  // Also in the epoch after, where the keys of this one are kept for what is late.
  EXPECT_EQ(reject_of([&] { alice.process(text); }), Reject::own_message);
}

// What was given out before the save is used up after the load: text, and a commit never sent.
TEST_F(RegressionMessage, NoNonceIsUsedTwiceAfterAReload) {
  make_group_of_three();
  Bytes first = text_from(alice, "first");
  Bytes discarded = alice.commit({}, WireFormat::private_message).message;
  alice.reload();
  Bytes second = text_from(alice, "second");
  Bytes sent = alice.commit({}, WireFormat::private_message).message;
  EXPECT_EQ(read_by(bob, first), "first");
  EXPECT_EQ(read_by(bob, second), "second");
  EXPECT_NO_THROW(carol.process(discarded));
  EXPECT_NO_THROW(carol.process(sent));
  Epoch alices = alice.epoch();
  EXPECT_EQ(alices.secret_tree.next_generation(LeafIndex{0}, RatchetType::application), 2u);
  EXPECT_EQ(alices.secret_tree.next_generation(LeafIndex{0}, RatchetType::handshake), 2u);
}

// Bob speaks and is removed; Dave takes his leaf. The late message is Bob's.
TEST_F(RegressionMessage, AReusedLeafIsNotTakenForItsOwnerBefore) {
  make_group_of_three();
  Bytes late = text_from(bob, "late");
  NewCommit removal = alice.commit({{Remove{LeafIndex{1}}}});
  carol.follow(removal.message);
  alice.group->merge(std::move(removal.staged));
  NewCommit add = alice.commit({{Add{dave.key_package()}}});
  carol.follow(add.message);
  alice.group->merge(std::move(add.staged));
  ASSERT_EQ(carol.group->tree().leaf(LeafIndex{1})->signature_key, dave.signer.public_key);

  auto received = std::get<ApplicationMessage>(carol.process(late));
  EXPECT_EQ(to_text(received.data), "late");
  EXPECT_EQ(received.sender_index, LeafIndex{1});
  EXPECT_EQ(received.sender.signature_key, bob.signer.public_key);
}

}  // namespace
}  // namespace qnpc::mls
