// writer: the TLS presentation language with variable-size vectors, encoding. RFC 9420 2.1.
//
// `Writer` makes Bytes. `SecretWriter` makes a Secret and wipes every buffer that it outgrows; only
// it takes secrets, so that a struct which holds one cannot end up in plain Bytes by accident.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/error.h"
#include "qnpc/base/secret.h"

namespace qnpc::codec {

/// The largest length that RFC 9420 2.1.2 can express.
inline constexpr size_t max_vector_length = 0x3fffffff;

/// The number of bytes of the length field before `length` bytes.
size_t length_size(size_t length);

/// Room for most structs, so that writing one allocates once.
inline constexpr size_t usual_size = 256;

template <class Buffer>
class BasicWriter {
 public:
  BasicWriter() { out_.reserve(usual_size); }

  void u8(uint8_t value) { integer(value, 1); }
  void u16(uint16_t value) { integer(value, 2); }
  void u32(uint32_t value) { integer(value, 4); }
  void u64(uint64_t value) { integer(value, 8); }

  /// Throws Reason::too_large over max_vector_length.
  void length(size_t value) {
    switch (length_size(value)) {
      case 1: return integer(value, 1);
      case 2: return integer(value | 0x4000, 2);
      default: return integer(value | 0x80000000, 4);
    }
  }
  void raw(View bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  /// `opaque x<V>`
  void opaque(View bytes) {
    length(bytes.size());
    raw(bytes);
  }
  /// `T x<V>`: whatever `body(*this)` writes, with its length before it.
  template <class Body>
  void vector(Body&& body) {
    BasicWriter inner;
    body(inner);
    opaque(inner.view());
  }

  View view() const { return out_; }
  Buffer take() { return std::move(out_); }

 private:
  void integer(uint64_t value, size_t size) {
    for (size_t i = size; i-- > 0;) out_.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }

  Buffer out_;
};

using Writer = BasicWriter<Bytes>;
using SecretWriter = BasicWriter<WipingBytes>;

}  // namespace qnpc::codec
