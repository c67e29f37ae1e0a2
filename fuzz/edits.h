// edits: honest bytes, changed as the fuzzer says. Without a corpus random bytes never pass the
// first length field; edits of honest bytes reach every field from the first second.
#pragma once

#include <cstdlib>
#include <vector>

#include "qnpc/base/bytes.h"

namespace qnpc::fuzz {

/// `base` after the edits of `script`, four bytes each: what to do, where (two bytes), with what.
inline Bytes edited(View base, View script) {
  Bytes out = to_bytes(base);
  for (; script.size() >= 4; script = script.subspan(4)) {
    const size_t place = (size_t{script[1]} << 8 | script[2]) % (out.size() + 1);
    const auto at = out.begin() + static_cast<ptrdiff_t>(place);
    switch (script[0] % 4) {
      case 0: out.insert(at, script[3]); break;
      case 1:
        if (at != out.end()) out.erase(at);
        break;
      default:
        if (at != out.end()) *at = script[3];
    }
  }
  return out;
}

/// One of `bases`, or nothing but the script itself, edited.
inline Bytes edited_one_of(const std::vector<Bytes>& bases, View input) {
  if (input.empty()) return {};
  const size_t choice = input[0] % (bases.size() + 1);
  const View script = input.subspan(1);
  return choice == bases.size() ? to_bytes(script) : edited(bases[choice], script);
}

/// Ends the program, so that libFuzzer keeps the input.
inline void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace qnpc::fuzz
