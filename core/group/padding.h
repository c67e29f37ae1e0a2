// padding: how much of a message's length an observer learns.
#pragma once

#include <cstddef>

namespace qnpc::group {

/// The size that a plaintext of that size is padded to: 256 bytes at least, then eight sizes for
/// each doubling. Costs at most one eighth, and an observer learns about three bits and the
/// magnitude.
constexpr size_t padded_size(size_t size) {
  constexpr size_t smallest = 256;
  if (size <= smallest) return smallest;
  size_t power = smallest;
  while (power * 2 < size) power *= 2;
  size_t step = power / 8;
  return (size + step - 1) / step * step;
}

}  // namespace qnpc::group
