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

}  // namespace qnpc::rpc
