// request: the fields of one request, read as proto3 has them: what is absent or null is empty,
// zero or false, and fields that nobody asks for are ignored. Bytes stand as hexadecimal.
#pragma once

#include <nlohmann/json.hpp>

#include "qnpc/mls/mls_message.h"

namespace qnpc::driver {

using Json = nlohmann::json;

/// All of these throw Reason::malformed, naming the field, where its value is of another type.
class Request {
 public:
  /// `object` must outlive the Request.
  explicit Request(const Json& object);

  std::string text(const char* field) const;
  bool flag(const char* field) const;
  uint64_t number(const char* field, uint64_t largest = UINT64_MAX) const;
  uint32_t handle(const char* field) const;
  Bytes bytes(const char* field) const;
  std::vector<Bytes> list_of_bytes(const char* field) const;
  /// A message within the message; one that is absent has no fields.
  Request message(const char* field) const;
  std::vector<Request> list_of_messages(const char* field) const;

  // What is common in MLS.

  /// Throws Reason::unsupported for a suite that we do not speak.
  const mls::Suite& suite(const char* field = "cipher_suite") const;
  /// The content of an MLSMessage. Throws Reason::malformed for another wire format.
  template <class T>
  T mls_message(const char* field) const {
    return content_of<T>(bytes(field), field);
  }
  std::vector<mls::KeyPackage> key_packages(const char* field) const;
  mls::Extensions extensions(const char* field = "extensions") const;
  /// A RatchetTree, or nothing where the field is empty.
  std::optional<mls::RatchetTree> tree(const char* field = "ratchet_tree") const;
  /// How a member sends its handshake messages, by `encrypt_handshake`.
  mls::WireFormat wire_format() const;

 private:
  template <class T>
  static T content_of(View message, const char* field) {
    mls::MlsMessage parsed = mls::parse_message(message);
    if (T* content = std::get_if<T>(&parsed.content)) return std::move(*content);
    throw Error(Reason::malformed, std::string(field) + " is of another wire format");
  }
  const Json* find(const char* field) const;

  const Json* object_;
};

}  // namespace qnpc::driver
