// stream_error: our errors on their way into KJ, which would turn them into plain failures: they
// have to be converted before they leave a continuation.
#pragma once

#include <kj/exception.h>

#include <string>

#include "qnpc/base/error.h"

namespace qnpc::noise {

/// "<reason>: <words>". DISCONNECTED, because the channel is of no further use after any of them.
inline kj::Exception to_kj(const Error& error) {
  const std::string text = std::string(name(error.reason())) + ": " + error.what();
  return kj::Exception(kj::Exception::Type::DISCONNECTED, __FILE__, __LINE__,
                       kj::heapString(text.c_str()));
}

/// What to_kj() was given; Reason::unknown for an exception of KJ's own, such as a lost connection.
inline Reason reason_of(const kj::Exception& exception) {
  const std::string_view text = exception.getDescription().cStr();
  for (int i = 0; i <= static_cast<int>(Reason::internal); ++i) {
    const std::string_view prefix = name(static_cast<Reason>(i));
    if (text.starts_with(prefix) && text.substr(prefix.size()).starts_with(": ")) {
      return static_cast<Reason>(i);
    }
  }
  return Reason::unknown;
}

/// Runs the action; an Error that it throws goes on as a kj::Exception.
template <class Action>
auto with_stream_errors(Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    kj::throwFatalException(to_kj(error));
  }
}

}  // namespace qnpc::noise
