// reader: the TLS presentation language with variable-size vectors, decoding. RFC 9420 2.1.
//
// A Reader never reads past its view and never allocates more than it was given bytes for.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/error.h"

namespace qnpc::codec {

class Reader {
 public:
  explicit Reader(View data) : rest_(data) {}

  /// Big-endian integers. Throws Reason::malformed where too few bytes are left.
  uint8_t u8() { return static_cast<uint8_t>(integer(1)); }
  uint16_t u16() { return static_cast<uint16_t>(integer(2)); }
  uint32_t u32() { return static_cast<uint32_t>(integer(4)); }
  uint64_t u64() { return integer(8); }

  /// A variable-size length, RFC 9420 2.1.2: 1, 2 or 4 bytes, shortest form only.
  uint32_t length();
  /// The next n bytes; the view lives as long as the input.
  View raw(size_t n);
  /// `opaque x<V>`
  View opaque() { return raw(length()); }
  /// The elements of a `T x<V>` as a Reader of their own.
  Reader vector() { return Reader(opaque()); }

  bool at_end() const { return rest_.empty(); }
  View rest() const { return rest_; }
  /// Throws Reason::malformed if bytes are left.
  void expect_end() const;

 private:
  uint64_t integer(size_t n);

  View rest_;
};

}  // namespace qnpc::codec
