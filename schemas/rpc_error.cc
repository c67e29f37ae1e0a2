#include "schemas/rpc_error.h"

#include <array>

namespace qnpc::rpc {
namespace {

// The reasons that a service may answer; any other name in a text is not ours.
constexpr std::array service_reasons = {
    Reason::malformed,  Reason::too_large,   Reason::unsupported,  Reason::quota,
    Reason::conflict,   Reason::not_found,   Reason::unauthorized, Reason::rate_limited,
    Reason::overloaded, Reason::unavailable, Reason::unknown,
};

kj::Exception::Type kind_of(Reason reason) {
  switch (reason) {
    case Reason::quota:
    case Reason::rate_limited:
    case Reason::overloaded:
    case Reason::unavailable: return kj::Exception::Type::OVERLOADED;
    case Reason::unsupported: return kj::Exception::Type::UNIMPLEMENTED;
    default: return kj::Exception::Type::FAILED;
  }
}

}  // namespace

kj::Exception to_exception(const Error& error) {
  std::string text = std::string(name(error.reason())) + ": " + error.what();
  return kj::Exception(kind_of(error.reason()), __FILE__, __LINE__, kj::heapString(text.c_str()));
}

Error from_exception(const kj::Exception& exception) {
  // The RPC system puts "remote exception: " before a text that came from the peer.
  std::string_view text = exception.getDescription().cStr();
  constexpr std::string_view remote = "remote exception: ";
  if (text.starts_with(remote)) {
    text.remove_prefix(remote.size());
    // Why the peer ended the connection, which all calls hear that it had not answered: of none of
    // them does it say what became of it.
    if (exception.getType() == kj::Exception::Type::DISCONNECTED) {
      return Error(Reason::unknown, std::string(text));
    }
  }
  for (Reason reason : service_reasons) {
    std::string_view prefix = name(reason);
    if (text.starts_with(prefix) && text.substr(prefix.size()).starts_with(": ")) {
      return Error(reason, std::string(text.substr(prefix.size() + 2)));
    }
  }
  switch (exception.getType()) {
    case kj::Exception::Type::OVERLOADED: return Error(Reason::overloaded, std::string(text));
    case kj::Exception::Type::DISCONNECTED: return Error(Reason::unknown, std::string(text));
    case kj::Exception::Type::UNIMPLEMENTED: return Error(Reason::unsupported, std::string(text));
    case kj::Exception::Type::FAILED: break;
  }
  return Error(Reason::unknown, std::string(text));
}

}  // namespace qnpc::rpc
