// system_random: the operating system's randomness, through libsodium.
#pragma once

#include "qnpc/base/random.h"

namespace qnpc::crypto {

class SystemRandom final : public Random {
 public:
  SystemRandom();
  void fill(MutableView out) override;
};

}  // namespace qnpc::crypto
