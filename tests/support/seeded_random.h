// seeded_random: randomness that a test can repeat. Never for keys that matter.
#pragma once

#include <random>

#include "qnpc/base/random.h"

namespace qnpc::test {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  void fill(MutableView out) override {
    for (uint8_t& byte : out) byte = static_cast<uint8_t>(engine_());
  }

  /// Uniform enough for a test: 0 to n - 1.
  size_t below(size_t n) { return static_cast<size_t>(engine_() % n); }
  bool one_in(size_t n) { return below(n) == 0; }
  template <class Range>
  auto& pick(Range& range) {
    return range[below(range.size())];
  }
  template <class Range>
  void shuffle(Range& range) {
    for (size_t i = range.size(); i > 1; --i) std::swap(range[i - 1], range[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace qnpc::test
