// suite: the protocols that a channel can speak, and how two ends agree on one of them.
//
// The initiator chooses, and the length of its first message says what. The payloads of the second
// and the third message, which are authenticated, list what their sender speaks, so that nobody on
// the way can make two ends believe that they have nothing better in common. docs/noise.md.
#pragma once

#include <string_view>
#include <vector>

#include "qnpc/base/bytes.h"
#include "qnpc/noise/pattern.h"

namespace qnpc::noise {

enum class Suite : uint8_t {
  classic = 1,  // Noise_XX_25519_ChaChaPoly_SHA256
  hybrid = 2,   // Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256
};

std::string_view name(Suite suite);
const Pattern& pattern_of(Suite suite);
/// Throws Reason::handshake_failed where no suite's first message has that length.
Suite suite_of_first_message(size_t length);

/// The best one first.
using Suites = std::vector<Suite>;
inline const Suites all_suites = {Suite::hybrid, Suite::classic};

/// All of them, that one first: what an initiator brings that speaks it.
Suites preferring(Suite suite);
bool contains(const Suites& suites, Suite suite);

/// As a payload: a byte for each suite.
Bytes to_payload(const Suites& suites);
/// Leaves out what we do not know. Throws Reason::malformed for an empty list, Reason::too_large
/// for one over limits::noise_suites.
Suites from_payload(View payload);

}  // namespace qnpc::noise
