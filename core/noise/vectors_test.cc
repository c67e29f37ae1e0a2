// The official vectors of Noise_XX_25519_ChaChaPoly_SHA256: every message in both directions, byte
// for byte. The other patterns of the file are not part of the product and are named as skipped.
// And the public vector of Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256, as far as it is given.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "qnpc/crypto/aead.h"
#include "qnpc/noise/handshake.h"
#include "tests/support/vectors.h"

namespace qnpc::noise {
namespace {

using Json = nlohmann::json;

Bytes hex(const Json& vector, const char* field) {
  return from_hex(vector.value(field, "")).value();
}

// Gives what the vector says: the ephemeral private key, then the seed of the KEM.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::vector<Bytes> values) : values_(std::move(values)) {}
  void fill(MutableView out) override {
    ASSERT_LT(next_, values_.size());
    const Bytes& value = values_[next_++];
    ASSERT_EQ(out.size(), value.size());
    std::ranges::copy(value, out.begin());
  }

 private:
  std::vector<Bytes> values_;
  size_t next_ = 0;
};

struct Party {
  Party(const Json& vector, Role role, const std::string& prefix)
      : random({hex(vector, (prefix + "_ephemeral").c_str())}),
        handshake(xx, role,
                  crypto::x25519_key_from_private(hex(vector, (prefix + "_static").c_str())),
                  random, hex(vector, (prefix + "_prologue").c_str())) {}

  FixedRandom random;
  Handshake handshake;
};

void check_handshake_message(Handshake& from, Handshake& to, const Json& message) {
  EXPECT_EQ(from.write_message(hex(message, "payload")), hex(message, "ciphertext"));
  EXPECT_EQ(to.read_message(hex(message, "ciphertext")), hex(message, "payload"));
}

void check_transport_message(Transport& from, Transport& to, const Json& message) {
  const Bytes payload = hex(message, "payload");
  Bytes buffer = payload;
  buffer.resize(payload.size() + tag_size);
  from.seal_into(buffer, MutableView(buffer).first(payload.size()));
  EXPECT_EQ(buffer, hex(message, "ciphertext"));
  EXPECT_EQ(to_bytes(to.open(buffer)), payload);
}

void check(const Json& vector) {
  Party initiator(vector, Role::initiator, "init");
  Party responder(vector, Role::responder, "resp");
  const Json& messages = vector.at("messages");
  size_t i = 0;
  for (; !initiator.handshake.complete(); ++i) {
    const bool forward = i % 2 == 0;
    check_handshake_message((forward ? initiator : responder).handshake,
                            (forward ? responder : initiator).handshake, messages.at(i));
  }
  Transport a = std::move(initiator.handshake).finish();
  Transport b = std::move(responder.handshake).finish();
  EXPECT_EQ(a.handshake_hash(), b.handshake_hash());
  if (vector.contains("handshake_hash")) {
    EXPECT_EQ(to_bytes(a.handshake_hash()), hex(vector, "handshake_hash"));
  }
  for (; i < messages.size(); ++i) {
    const bool forward = i % 2 == 0;
    check_transport_message(forward ? a : b, forward ? b : a, messages.at(i));
  }
}

TEST(NoiseVectors, XX) {
  QNPC_VECTORS_OR_SKIP(path, "noise/noise-25519-chachapoly-sha256.json");
  const Json file = Json::parse(std::ifstream(path));
  int checked = 0;
  for (const Json& vector : file.at("vectors")) {
    const std::string name = vector.at("protocol_name");
    SCOPED_TRACE(name + " of " + vector.value("source", "unknown"));
    if (name == xx.protocol_name) {
      check(vector);
      ++checked;
    } else {
      std::cout << "SKIPPED " << name << ": we speak the XX pattern only\n";
    }
  }
  EXPECT_EQ(checked, 2);
}

// The vector gives the keys of the transport, which Transport does not show: its first message
// does.
Bytes first_message(View key, View plaintext) {
  const Bytes nonce(crypto::aead_nonce_size);
  return crypto::aead_seal(crypto::Aead::chacha20_poly1305, key, nonce, {}, plaintext);
}

Bytes first_message(Transport& transport, View plaintext) {
  Bytes out(plaintext.size() + tag_size);
  transport.seal_into(out, plaintext);
  return out;
}

void check_hfs(const Json& vector) {
  FixedRandom initiators({hex(vector, "ephemeral_dh_i_private"), hex(vector, "kem_keygen_seed")});
  FixedRandom responders({hex(vector, "ephemeral_dh_r_private"), hex(vector, "kem_encap_seed")});
  const StaticKey alice = crypto::x25519_key_from_private(hex(vector, "static_i_private"));
  const StaticKey bob = crypto::x25519_key_from_private(hex(vector, "static_r_private"));
  EXPECT_EQ(to_bytes(alice.public_key), hex(vector, "static_i_public"));
  EXPECT_EQ(to_bytes(bob.public_key), hex(vector, "static_r_public"));
  Handshake initiator(xxhfs, Role::initiator, alice, initiators);
  Handshake responder(xxhfs, Role::responder, bob, responders);
  Bytes message;
  for (size_t length : vector.at("message_lengths")) {
    Handshake& from = initiator.my_turn() ? initiator : responder;
    Handshake& to = initiator.my_turn() ? responder : initiator;
    message = from.write_message();
    EXPECT_EQ(message.size(), length);
    EXPECT_TRUE(to.read_message(message).empty());
  }
  EXPECT_EQ(message, hex(vector, "message_3"));

  Transport a = std::move(initiator).finish();
  Transport b = std::move(responder).finish();
  EXPECT_EQ(to_bytes(a.handshake_hash()), hex(vector, "handshake_hash"));
  EXPECT_EQ(a.handshake_hash(), b.handshake_hash());
  const View text = as_view("text");
  EXPECT_EQ(first_message(a, text),
            first_message(hex(vector, "cipher_key_initiator_to_responder"), text));
  EXPECT_EQ(first_message(b, text),
            first_message(hex(vector, "cipher_key_responder_to_initiator"), text));
}

TEST(NoiseVectors, XXhfs) {
  QNPC_VECTORS_OR_SKIP(path, "noise/noise-xxhfs-mlkem768.json");
  const Json file = Json::parse(std::ifstream(path));
  EXPECT_EQ(file.at("protocol"), xxhfs.protocol_name);
  EXPECT_EQ(file.at("vectors").size(), 1u);
  for (const Json& vector : file.at("vectors")) check_hfs(vector);
}

}  // namespace
}  // namespace qnpc::noise
