#include "qnpc/crypto/system_random.h"

#include <sodium.h>

#include "qnpc/base/error.h"

namespace qnpc::crypto {

SystemRandom::SystemRandom() {
  if (sodium_init() < 0) throw Error(Reason::internal, "libsodium finds no source of randomness");
}

void SystemRandom::fill(MutableView out) {
  if (!out.empty()) randombytes_buf(out.data(), out.size());  // it takes no null pointer
}

}  // namespace qnpc::crypto
