#include "qnpc/codec/writer.h"

namespace qnpc::codec {

size_t length_size(size_t length) {
  if (length < 0x40) return 1;
  if (length < 0x4000) return 2;
  if (length <= max_vector_length) return 4;
  throw Error(Reason::too_large, "a vector is longer than 2^30-1 bytes");
}

}  // namespace qnpc::codec
