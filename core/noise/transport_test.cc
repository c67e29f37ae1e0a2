// CipherState and Transport together: what may happen to messages after the handshake.
#include "qnpc/noise/transport.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/reason_of.h"

namespace qnpc::noise {
namespace {

using test::reason_of;

const Bytes key_a(32, 0xaa);
const Bytes key_b(32, 0xbb);

Transport make(View send, View receive) {
  return {CipherState(send), CipherState(receive), HandshakeHash{}, PublicKey{}};
}

Bytes seal(Transport& transport, View plaintext) {
  Bytes out(plaintext.size() + tag_size);
  transport.seal_into(out, plaintext);
  return out;
}

class TransportTest : public testing::Test {
 protected:
  Transport a = make(key_a, key_b);
  Transport b = make(key_b, key_a);
};

TEST_F(TransportTest, CarriesMessagesBothWays) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{1000}, max_plaintext}) {
    Bytes text(size, 'x');
    Bytes there = seal(a, text);
    Bytes back = seal(b, text);
    EXPECT_EQ(there.size(), size + tag_size);
    EXPECT_NE(there, back);
    EXPECT_EQ(to_bytes(b.open(there)), text);
    EXPECT_EQ(to_bytes(a.open(back)), text);
  }
}

TEST_F(TransportTest, RefusesWhatDoesNotFitOneMessage) {
  EXPECT_EQ(reason_of([&] { seal(a, Bytes(max_plaintext + 1)); }), Reason::too_large);
}

TEST_F(TransportTest, RefusesReplayReorderingAndReflection) {
  Bytes first = seal(a, as_view("first"));
  Bytes second = seal(a, as_view("second"));
  Bytes copy = second;
  EXPECT_EQ(reason_of([&] { b.open(copy); }), Reason::decrypt_failed);  // not yet
  copy = first;
  EXPECT_EQ(to_text(b.open(copy)), "first");
  copy = first;
  EXPECT_EQ(reason_of([&] { b.open(copy); }), Reason::decrypt_failed);   // a second time
  EXPECT_EQ(reason_of([&] { a.open(first); }), Reason::decrypt_failed);  // back to its sender
  EXPECT_EQ(to_text(b.open(second)), "second");                          // failures did not move n
}

TEST_F(TransportTest, RefusesEveryFlippedByteAndTruncation) {
  const Bytes sealed = seal(a, as_view("text"));
  for (size_t i = 0; i < sealed.size(); ++i) {
    Bytes flipped = sealed;
    flipped[i] ^= 0x80;
    EXPECT_EQ(reason_of([&] { b.open(flipped); }), Reason::decrypt_failed);
    Bytes truncated(sealed.begin(), sealed.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_EQ(reason_of([&] { b.open(truncated); }), Reason::decrypt_failed);
  }
}

TEST_F(TransportTest, RekeyChangesOneDirectionAndKeepsN) {
  Bytes before = seal(a, as_view("one"));
  EXPECT_EQ(to_text(b.open(before)), "one");
  a.rekey_send();
  Bytes after = seal(a, as_view("two"));
  Bytes copy = after;
  EXPECT_EQ(reason_of([&] { b.open(copy); }), Reason::decrypt_failed);
  b.rekey_receive();
  EXPECT_EQ(to_text(b.open(after)), "two");
  Bytes back = seal(b, as_view("back"));
  EXPECT_EQ(to_text(a.open(back)), "back");
}

TEST(CipherState, RekeyIsTheSpecificationsEncryptionOfZeros) {
  // 4.2: the first 32 bytes of ENCRYPT(k, 2^64 - 1, "", zeros).
  Bytes nonce{0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255};
  Bytes next = crypto::aead_seal(crypto::Aead::chacha20_poly1305, key_a, nonce, {}, Bytes(32));
  next.resize(32);
  CipherState rekeyed(key_a);
  rekeyed.rekey();
  CipherState expected(next);
  Bytes one(tag_size);
  Bytes two(tag_size);
  rekeyed.encrypt_with_ad(one, {}, {});
  expected.encrypt_with_ad(two, {}, {});
  EXPECT_EQ(one, two);
}

TEST(CipherState, StopsBeforeANonceIsUsedTwice) {
  constexpr uint64_t last = std::numeric_limits<uint64_t>::max() - 1;
  CipherState sender(key_a, last);
  CipherState receiver(key_a, last);
  Bytes sealed(tag_size);
  sender.encrypt_with_ad(sealed, {}, {});
  receiver.decrypt_with_ad({}, {}, sealed);
  EXPECT_EQ(reason_of([&] { sender.encrypt_with_ad(sealed, {}, {}); }), Reason::exhausted);
  EXPECT_EQ(reason_of([&] { receiver.decrypt_with_ad({}, {}, sealed); }), Reason::exhausted);
}

TEST(CipherState, WithoutAKeyIsTheIdentity) {
  CipherState cipher;
  Bytes out(4);
  cipher.encrypt_with_ad(out, as_view("ad"), as_view("text"));
  EXPECT_EQ(to_text(out), "text");
  EXPECT_EQ(cipher.overhead(), 0u);
  EXPECT_EQ(reason_of([&] { cipher.rekey(); }), Reason::internal);
}

}  // namespace
}  // namespace qnpc::noise
