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
