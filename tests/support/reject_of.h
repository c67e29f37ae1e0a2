// reject_of: the rule of RFC 9420 that an action broke.
//
//   EXPECT_EQ(reject_of([&] { group.process(message, now); }), Reject::wrong_epoch);
#pragma once

#include <optional>
#include <ostream>

#include "qnpc/mls/reject.h"

namespace qnpc::mls {

/// How GoogleTest prints one.
inline void PrintTo(Reject reject, std::ostream* out) { *out << name(reject); }

}  // namespace qnpc::mls

namespace qnpc::test {

/// Nothing where nothing was thrown. Any other exception goes on.
template <class Action>
std::optional<mls::Reject> reject_of(Action&& action) {
  try {
    action();
  } catch (const mls::Rejected& rejected) {
    return rejected.reject();
  }
  return std::nullopt;
}

}  // namespace qnpc::test
