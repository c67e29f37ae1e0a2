// reason_of: the reason of the Error that an action throws.
//
//   EXPECT_EQ(reason_of([&] { open(message); }), Reason::decrypt_failed);
#pragma once

#include <optional>

#include "qnpc/base/error.h"

namespace qnpc::test {

/// Nothing where nothing was thrown. Any other exception goes on.
template <class Action>
std::optional<Reason> reason_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.reason();
  }
  return std::nullopt;
}

}  // namespace qnpc::test
