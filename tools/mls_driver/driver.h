// driver: the interpreter of qnpc-mls-driver: one JSON request in a line, one JSON reply.
#pragma once

#include <functional>

#include "tools/mls_driver/client.h"

namespace qnpc::driver {

class Driver {
 public:
  using Clock = std::function<UnixTime()>;

  Driver(Random& random, Clock clock) : random_(random), clock_(std::move(clock)) {}

  /// Never throws: what goes wrong is a reply with the field `error`. No line break in the reply.
  std::string answer(std::string_view line);

 private:
  Random& random_;
  Clock clock_;
  Handles handles_;
};

/// The reply to a line of more than limits::mls_driver_line bytes, which nobody has kept.
std::string answer_too_long();

}  // namespace qnpc::driver
