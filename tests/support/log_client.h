// log_client: one connection to the Delivery Service that speaks of one log, for tests and
// benchmarks. The token of an epoch is made of its number.
#pragma once

#include <functional>

#include "qnpc/crypto/hash.h"
#include "schemas/delivery.capnp.h"
#include "tests/support/noise_client.h"

namespace qnpc::test {

inline capnp::Data::Reader as_data(View view) { return {view.data(), view.size()}; }

inline Bytes numbered(size_t size, uint64_t number) {
  Bytes bytes(size);
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
  return bytes;
}

inline Bytes token_of(uint64_t epoch) { return numbered(32, epoch + 1000); }
inline Bytes token_hash_of(uint64_t epoch) {
  return crypto::digest(crypto::Hash::sha256, token_of(epoch));
}

/// Hands what is pushed to a function, which may answer later.
template <class Interface>
class TestSink final : public Interface::Server {
 public:
  using Entries = decltype(typename Interface::EntriesParams::Reader().getEntries());
  using OnEntries = std::function<kj::Promise<void>(Entries)>;

  explicit TestSink(
      OnEntries on_entries, std::function<void()> on_caught_up = [] {})
      : on_entries_(std::move(on_entries)), on_caught_up_(std::move(on_caught_up)) {}

 protected:
  kj::Promise<void> entries(typename Interface::Server::EntriesContext context) override {
    return on_entries_(context.getParams().getEntries());
  }
  kj::Promise<void> caughtUp(typename Interface::Server::CaughtUpContext) override {
    on_caught_up_();
    return kj::READY_NOW;
  }

 private:
  OnEntries on_entries_;
  std::function<void()> on_caught_up_;
};

using TestLogSink = TestSink<rpc::LogSink>;
using TestInboxSink = TestSink<rpc::InboxSink>;

class LogClient : public NoiseClient<rpc::DeliveryService> {
 public:
  using NoiseClient<rpc::DeliveryService>::NoiseClient;

  auto create_request(uint64_t epoch = 0) {
    auto request = service.createLogRequest();
    request.setLogId(as_data(log));
    request.setEpoch(epoch);
    request.setTokenHash(as_data(token_hash_of(epoch)));
    return request;
  }
  auto append_request(uint64_t epoch, uint64_t id, View payload) {
    return filled(service.appendRequest(), epoch, id, payload);
  }
  auto commit_request(uint64_t epoch, uint64_t id, View payload) {
    auto request = filled(service.appendCommitRequest(), epoch, id, payload);
    request.setNextTokenHash(as_data(token_hash_of(epoch + 1)));
    return request;
  }
  auto read_request(uint64_t token_epoch, uint64_t after = 0) {
    auto request = service.readLogRequest();
    request.setLogId(as_data(log));
    request.setToken(as_data(token_of(token_epoch)));
    request.setAfter(after);
    return request;
  }
  auto subscribe_request(uint64_t token_epoch, uint64_t after, rpc::LogSink::Client sink) {
    auto request = service.subscribeLogRequest();
    request.setLogId(as_data(log));
    request.setToken(as_data(token_of(token_epoch)));
    request.setAfter(after);
    request.setSink(kj::mv(sink));
    return request;
  }

  Bytes log = Bytes(32, 'l');

 private:
  template <class Request>
  Request filled(Request request, uint64_t epoch, uint64_t id, View payload) {
    request.setLogId(as_data(log));
    request.setEpoch(epoch);
    request.setToken(as_data(token_of(epoch)));
    request.setMessageId(as_data(numbered(16, id)));
    request.setPayload(as_data(payload));
    return request;
  }
};

}  // namespace qnpc::test
