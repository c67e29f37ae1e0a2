// vector: reading one official test vector, and saying what in it does not come out.
//
// The formats are those of the MLS implementers' test-vectors.md: bytes stand as hexadecimal.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "qnpc/mls/mls_message.h"

namespace qnpc::vectors {

using Json = nlohmann::json;

/// A vector that we compute differently. The text says which part of it.
class Mismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws Mismatch(what) unless `holds`.
void check(bool holds, const std::string& what);
/// Throws Mismatch, naming `what`, unless the bytes are equal.
void check_equal(View actual, View expected, const std::string& what);

/// Throw Mismatch where the field is absent or no hexadecimal.
Bytes hex(const Json& value);
Bytes hex(const Json& vector, const char* field);
Secret secret(const Json& vector, const char* field);

/// The suite that the vector's field `cipher_suite` names.
const mls::Suite& suite_of(const Json& vector);

/// The private key in that field, with its public half. ECDH and ECDSA scalars may have lost
/// leading zeros: there are vectors of suite 5 that write them so.
crypto::HpkeKeyPair hpke_key(const mls::Suite& suite, const Json& vector, const char* field);
crypto::SignatureKeyPair signature_key(const mls::Suite& suite, const Json& vector,
                                       const char* field);

/// The content of an MLSMessage in that field. Throws Mismatch where it is of another wire format.
template <class T>
T message(const Json& vector, const char* field) {
  mls::MlsMessage parsed = mls::parse_message(hex(vector, field));
  T* content = std::get_if<T>(&parsed.content);
  check(content != nullptr, std::string(field) + " is of another wire format");
  return std::move(*content);
}

}  // namespace qnpc::vectors
