// random: where randomness comes from is an argument, so that every test can be repeated.
#pragma once

#include "qnpc/base/bytes.h"
#include "qnpc/base/secret.h"

namespace qnpc {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableView out) = 0;

  Bytes bytes(size_t n) {
    Bytes out(n);
    fill(out);
    return out;
  }
  Secret secret(size_t n) {
    Secret out(n);
    fill(out.reveal_mutable());
    return out;
  }
};

}  // namespace qnpc
