// The official vectors of Noise_XX_25519_ChaChaPoly_SHA256: every message in both directions, byte
// for byte. The other patterns of the file are not part of the product and are named as skipped.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "qnpc/noise/handshake.h"
#include "tests/support/vectors.h"

namespace qnpc::noise {
namespace {

using Json = nlohmann::json;

Bytes hex(const Json& vector, const char* field) {
  return from_hex(vector.value(field, "")).value();
}

// Gives the ephemeral private key of the vector.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(MutableView out) override {
    ASSERT_EQ(out.size(), bytes_.size());
    std::ranges::copy(bytes_, out.begin());
  }

 private:
  Bytes bytes_;
};

struct Party {
  Party(const Json& vector, Role role, const std::string& prefix)
      : random(hex(vector, (prefix + "_ephemeral").c_str())),
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

}  // namespace
}  // namespace qnpc::noise
