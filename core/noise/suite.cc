#include "qnpc/noise/suite.h"

#include <algorithm>

#include "qnpc/base/error.h"
#include "qnpc/base/limits.h"
#include "qnpc/crypto/mlkem768.h"
#include "qnpc/crypto/x25519.h"

namespace qnpc::noise {
namespace {

constexpr size_t classic_first_message = crypto::x25519_key_size;
constexpr size_t hybrid_first_message = crypto::x25519_key_size + crypto::mlkem768_public_key_size;

}  // namespace

std::string_view name(Suite suite) { return suite == Suite::hybrid ? "hybrid" : "classic"; }

const Pattern& pattern_of(Suite suite) { return suite == Suite::hybrid ? xxhfs : xx; }

Suite suite_of_first_message(size_t length) {
  switch (length) {
    case classic_first_message: return Suite::classic;
    case hybrid_first_message: return Suite::hybrid;
    default: throw Error(Reason::handshake_failed, "not the first message of a Noise handshake");
  }
}

Suites preferring(Suite suite) {
  Suites out = {suite};
  for (Suite other : all_suites) {
    if (other != suite) out.push_back(other);
  }
  return out;
}

bool contains(const Suites& suites, Suite suite) {
  return std::ranges::find(suites, suite) != suites.end();
}

Bytes to_payload(const Suites& suites) {
  Bytes out;
  for (Suite suite : suites) out.push_back(static_cast<uint8_t>(suite));
  return out;
}

Suites from_payload(View payload) {
  if (payload.empty()) throw Error(Reason::malformed, "the peer does not say what it speaks");
  if (payload.size() > limits::noise_suites) {
    throw Error(Reason::too_large, "the peer says that it speaks too many protocols");
  }
  Suites out;
  for (uint8_t byte : payload) {
    const Suite suite{byte};
    if (contains(all_suites, suite) && !contains(out, suite)) out.push_back(suite);
  }
  return out;
}

}  // namespace qnpc::noise
