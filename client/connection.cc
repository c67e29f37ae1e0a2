#include "client/connection.h"

#include <optional>

#include "client/limits.h"

namespace qnpc::client {
namespace {

// The Noise channel reports its own reasons as text.
bool names(const Error& error, Reason reason) {
  return std::string_view(error.what()).find(std::string(name(reason)) + ": ") !=
         std::string_view::npos;
}

// While an error is on its way up, KJ writes to standard error what it would throw otherwise.
class Unheard final : public kj::ExceptionCallback {
  void logMessage(kj::LogSeverity, const char*, int, int, kj::String&&) override {}
};

}  // namespace

Connection::Connection(Network& network, const std::string& address, const CheckServerKey& check)
    : network_(network), address_(address), stream_(open(check)), messages_(*stream_) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = limits::rpc_answer_words;
  vat_ =
      kj::heap<capnp::TwoPartyVatNetwork>(messages_, capnp::rpc::twoparty::Side::CLIENT, options);
  rpc_ = kj::heap<capnp::RpcSystem<capnp::rpc::twoparty::VatId>>(capnp::makeRpcClient(*vat_));
}

Connection::~Connection() {
  const Unheard unheard;
  rpc_ = nullptr;
  vat_ = nullptr;
  try {
    stream_->shutdownWrite();
    network_.wait(stream_->when_drained(), "closing the connection to " + address_,
                  limits::goodbye);
  } catch (...) {
    // The server is gone, or was never well: there is nobody to be polite to.
  }
}

kj::Own<noise::NoiseStream> Connection::open(const CheckServerKey& check) {
  const std::string what = "connecting to " + address_;
  std::optional<Error> refusal;  // kept here, since it loses its type on its way through KJ
  try {
    auto address =
        network_.wait(network_.sockets().parseAddress(address_.c_str()), what, limits::connect);
    auto socket = network_.wait(address->connect(), what, limits::connect);
    return network_.wait(noise::connect(kj::mv(socket), network_.endpoint(),
                                        [&](const noise::PublicKey& key) {
                                          try {
                                            check(key);
                                          } catch (const Error& e) {
                                            refusal = e;
                                            throw;
                                          }
                                        }),
                         what, limits::connect);
  } catch (const ServerError& e) {
    if (refusal) throw *refusal;
    if (e.reason() == Reason::unsupported) {
      throw ServerError(Reason::unsupported,
                        "the server at " + address_ +
                            " accepts only the hybrid handshake. Leave out --noise classic");
    }
    if (e.reason() == Reason::too_large || names(e, Reason::handshake_failed)) {
      throw ServerError(Reason::handshake_failed,
                        address_ +
                            " answers, but not as a quicnprotochat server. Check the "
                            "address and the port");
    }
    if (e.reason() == Reason::truncated) {
      throw ServerError(Reason::unavailable,
                        "the server at " + address_ +
                            " ended the connection before it had begun: it may have as many as it "
                            "takes, or be stopping. Try again in a minute");
    }
    std::string why = std::string(e.what()).substr(what.size() + 2);  // behind "<what>: "
    throw ServerError(e.reason() == Reason::timeout ? Reason::timeout : Reason::unavailable,
                      "cannot reach the server at " + address_ + " (" + why +
                          "). Check that it runs there, then try again");
  }
}

}  // namespace qnpc::client
