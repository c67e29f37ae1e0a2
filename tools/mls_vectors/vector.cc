#include "tools/mls_vectors/vector.h"

namespace qnpc::vectors {
namespace {

// Of the suite's private keys, for both uses; 0 where they are no scalars.
size_t scalar_size(const mls::Suite& suite) {
  switch (suite.kem()) {
    case crypto::Kem::dhkem_p256: return 32;
    case crypto::Kem::dhkem_p384: return 48;
    case crypto::Kem::dhkem_p521: return 66;
    default: return 0;
  }
}

Secret padded(const mls::Suite& suite, const Json& vector, const char* field) {
  Bytes key = hex(vector, field);
  const size_t size = scalar_size(suite);
  if (key.size() < size) key.insert(key.begin(), size - key.size(), 0);
  return Secret::copy_of(key);
}

}  // namespace

void check(bool holds, const std::string& what) {
  if (!holds) throw Mismatch(what);
}

void check_equal(View actual, View expected, const std::string& what) {
  check(equal(actual, expected), what + " differs");
}

Bytes hex(const Json& value) {
  std::optional<Bytes> bytes;
  if (value.is_string()) bytes = from_hex(value.get_ref<const std::string&>());
  check(bytes.has_value(), "a value is no hexadecimal string");
  return std::move(*bytes);
}

Bytes hex(const Json& vector, const char* field) { return hex(vector.at(field)); }

Secret secret(const Json& vector, const char* field) { return Secret::copy_of(hex(vector, field)); }

crypto::HpkeKeyPair hpke_key(const mls::Suite& suite, const Json& vector, const char* field) {
  return crypto::hpke_key_from_private(suite.kem(), padded(suite, vector, field).reveal());
}

crypto::SignatureKeyPair signature_key(const mls::Suite& suite, const Json& vector,
                                       const char* field) {
  return crypto::signature_key_from_private(suite.signature, padded(suite, vector, field).reveal());
}

const mls::Suite& suite_of(const Json& vector) {
  return mls::suite_of(vector.at("cipher_suite").get<mls::CipherSuite>());
}

}  // namespace qnpc::vectors
