#include "qnpc/codec/reader.h"

namespace qnpc::codec {

uint64_t Reader::integer(size_t n) {
  uint64_t value = 0;
  for (uint8_t byte : raw(n)) value = value << 8 | byte;
  return value;
}

uint32_t Reader::length() {
  uint8_t first = u8();
  switch (first >> 6) {
    case 0: return first;
    case 1: {
      uint32_t value = (first & 0x3fu) << 8 | u8();
      if (value < 0x40) throw Error(Reason::malformed, "a vector length is not in shortest form");
      return value;
    }
    case 2: {
      uint32_t value = (first & 0x3fu) << 24;
      value |= static_cast<uint32_t>(integer(3));
      if (value < 0x4000) throw Error(Reason::malformed, "a vector length is not in shortest form");
      return value;
    }
    default: throw Error(Reason::malformed, "a vector length has the reserved prefix 11");
  }
}

View Reader::raw(size_t n) {
  if (n > rest_.size()) throw Error(Reason::malformed, "the data ends too early");
  View out = rest_.first(n);
  rest_ = rest_.subspan(n);
  return out;
}

void Reader::expect_end() const {
  if (!at_end()) throw Error(Reason::malformed, "there are bytes after the end");
}

}  // namespace qnpc::codec
