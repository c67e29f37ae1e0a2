// mls_message: the outermost struct, RFC 9420 section 6.
#pragma once

#include "qnpc/mls/welcome.h"

namespace qnpc::mls {

struct MlsMessage {
  // In the order of WireFormat.
  std::variant<PublicMessage, PrivateMessage, Welcome, GroupInfo, KeyPackage> content;

  WireFormat wire_format() const { return static_cast<WireFormat>(content.index() + 1); }
  template <class T>
  const T* get() const {
    return std::get_if<T>(&content);
  }
  /// Throws Reason::unsupported for another version, Reason::malformed for no wire format.
  static MlsMessage read(codec::Reader& r);
  void write(auto& w) const {
    codec::write(w, ProtocolVersion::mls10);
    codec::write(w, wire_format());
    std::visit([&](const auto& m) { codec::write(w, m); }, content);
  }
};

/// Encodes one of the five as MLSMessage.
template <class T>
Bytes to_message(T content) {
  return codec::encode(MlsMessage{std::move(content)});
}
/// Parses a whole MLSMessage of at most limits::mls_message bytes.
MlsMessage parse_message(View bytes);

}  // namespace qnpc::mls
