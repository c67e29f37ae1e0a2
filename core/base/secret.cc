#include "qnpc/base/secret.h"

#include <string.h>  // explicit_bzero is in no C++ header

namespace qnpc {

void wipe(MutableView bytes) {
  if (!bytes.empty()) explicit_bzero(bytes.data(), bytes.size());
}

bool constant_time_equal(View a, View b) {
  if (a.size() != b.size()) return false;
  volatile uint8_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference = difference | (a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace qnpc
