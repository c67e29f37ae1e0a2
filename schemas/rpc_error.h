// rpc_error: our typed errors across Cap'n Proto, which carries only a kind and a text.
//
// The text of an exception of ours is "<reason>: <words>", docs/rpc.md. Whatever else arrives (a
// lost connection, a method that the peer lacks) is mapped to the nearest reason.
#pragma once

#include <kj/exception.h>

#include "qnpc/base/error.h"

namespace qnpc::rpc {

kj::Exception to_exception(const Error& error);
Error from_exception(const kj::Exception& exception);

/// What the call returns, a promise, which an Error that it throws fails. For what runs in a
/// .then(), where KJ would keep the text of the Error and lose its reason.
template <class Call>
auto answered(Call&& call) -> decltype(call()) {
  try {
    return call();
  } catch (const Error& error) {
    return to_exception(error);
  }
}

}  // namespace qnpc::rpc
