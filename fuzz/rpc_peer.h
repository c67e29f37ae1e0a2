// rpc_peer: what an honest client sends through its channel, as it comes out of Cap'n Proto: seeds
// for fuzz/rpc_door.cc.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <functional>
#include <vector>

#include "fuzz/noise_peers.h"
#include "qnpc/crypto/hash.h"
#include "qnpc/crypto/signature.h"
#include "schemas/auth.capnp.h"
#include "schemas/delivery.capnp.h"
#include "schemas/login.h"

namespace qnpc::fuzz {

inline capnp::Data::Reader as_data(View view) { return {view.data(), view.size()}; }

/// The channel of the door is always the same, and so is what a login on it signs.
struct Person {
  test::SeededRandom random{7};
  crypto::SignatureKeyPair key =
      crypto::generate_signature_key(crypto::SignatureScheme::ed25519, random);

  template <class Service>
  auto session(Service& service, const noise::HandshakeHash& hash) const {
    auto request = service.loginRequest();
    request.setIdentityKey(as_data(key.public_key));
    request.setSignature(
        as_data(crypto::sign(crypto::SignatureScheme::ed25519, key, rpc::login_message(hash))));
    return request.send().getSession();
  }
};

/// Keeps what is written, and never has anything to read.
class Recorder final : public kj::AsyncIoStream {
 public:
  kj::Promise<size_t> tryRead(void*, size_t, size_t) override { return kj::NEVER_DONE; }
  kj::Promise<void> write(const void* buffer, size_t size) override {
    append(written, View(static_cast<const uint8_t*>(buffer), size));
    return kj::READY_NOW;
  }
  kj::Promise<void> write(kj::ArrayPtr<const kj::ArrayPtr<const kj::byte>> pieces) override {
    for (auto piece : pieces) append(written, View(piece.begin(), piece.size()));
    return kj::READY_NOW;
  }
  kj::Promise<void> whenWriteDisconnected() override { return kj::NEVER_DONE; }
  void shutdownWrite() override {}

  Bytes written;
};

/// Sends requests, all before any answer, and keeps them until they are recorded.
class Calls {
 public:
  template <class Request>
  void operator()(Request request) {
    sent_.push_back(request.send().ignoreResult());
  }

 private:
  std::vector<kj::Promise<void>> sent_;
};

template <class Service>
Bytes recorded(const std::function<void(typename Service::Client&, Calls&)>& talk) {
  kj::EventLoop loop;
  kj::WaitScope scope(loop);
  Recorder recorder;
  {
    capnp::TwoPartyClient client(recorder);
    auto service = client.bootstrap().castAs<Service>();
    Calls calls;
    talk(service, calls);
    kj::Promise<void>(kj::NEVER_DONE).poll(scope);
  }
  return recorder.written;
}

inline Bytes talk_to_authentication(const noise::HandshakeHash& hash) {
  const Person person;
  return recorded<rpc::AuthenticationService>([&](auto& service, Calls& call) {
    auto ping = service.exchangeRequest();
    ping.initRequest().setPayload(as_data(as_view("ping")));
    call(kj::mv(ping));
    call(service.describeRequest());
    auto session = person.session(service, hash);
    for (bool is_last_resort : {false, true}) {
      auto upload = session.uploadKeyPackageRequest();
      upload.setPackage(as_data(as_view("package")));
      upload.setIsLastResort(is_last_resort);
      call(kj::mv(upload));
    }
    call(session.countKeyPackagesRequest());
    auto take = session.fetchKeyPackageRequest();
    take.setIdentityKey(as_data(person.key.public_key));
    call(kj::mv(take));
    auto open_upload = service.uploadKeyPackageRequest();
    open_upload.setIdentityKey(as_data(person.key.public_key));
    open_upload.setPackage(as_data(as_view("another")));
    call(kj::mv(open_upload));
    auto open_take = service.fetchKeyPackageRequest();
    open_take.setIdentityKey(as_data(person.key.public_key));
    call(kj::mv(open_take));
  });
}

class SilentLogSink final : public rpc::LogSink::Server {
 protected:
  kj::Promise<void> entries(EntriesContext) override { return kj::READY_NOW; }
  kj::Promise<void> caughtUp(CaughtUpContext) override { return kj::READY_NOW; }
};
class SilentInboxSink final : public rpc::InboxSink::Server {
 protected:
  kj::Promise<void> entries(EntriesContext) override { return kj::READY_NOW; }
  kj::Promise<void> caughtUp(CaughtUpContext) override { return kj::READY_NOW; }
};

inline Bytes talk_of_logs(const noise::HandshakeHash& hash) {
  const Person person;
  const Bytes token(32, 1), log(32, 2), id(16, 3), commit(16, 4);
  return recorded<rpc::DeliveryService>([&](auto& service, Calls& call) {
    auto filled = [&](auto request, View message_id) {
      request.setLogId(as_data(log));
      request.setToken(as_data(token));
      request.setMessageId(as_data(message_id));
      request.setPayload(as_data(as_view("hello")));
      return request;
    };
    auto create = person.session(service, hash).createLogRequest();
    create.setLogId(as_data(log));
    create.setTokenHash(as_data(crypto::digest(crypto::Hash::sha256, token)));
    call(kj::mv(create));
    auto subscribe = service.subscribeLogRequest();
    subscribe.setLogId(as_data(log));
    subscribe.setToken(as_data(token));
    subscribe.setSink(kj::heap<SilentLogSink>());
    call(kj::mv(subscribe));
    call(filled(service.appendRequest(), id));
    auto end = filled(service.appendCommitRequest(), commit);
    end.setNextTokenHash(as_data(Bytes(32, 9)));
    call(kj::mv(end));
    auto read = service.readLogRequest();
    read.setLogId(as_data(log));
    read.setToken(as_data(token));
    call(kj::mv(read));
  });
}

inline Bytes talk_of_an_inbox(const noise::HandshakeHash& hash) {
  const Person person;
  const Bytes token(32, 1);
  return recorded<rpc::DeliveryService>([&](auto& service, Calls& call) {
    auto session = person.session(service, hash);
    auto set_token = session.setDeliveryTokenRequest();
    set_token.setTokenHash(as_data(crypto::digest(crypto::Hash::sha256, token)));
    call(kj::mv(set_token));
    auto subscribe = session.subscribeRequest();
    subscribe.setSink(kj::heap<SilentInboxSink>());
    call(kj::mv(subscribe));
    auto enqueue = service.enqueueRequest();
    enqueue.setRecipientKey(as_data(person.key.public_key));
    enqueue.setToken(as_data(token));
    enqueue.setPayload(as_data(as_view("welcome")));
    call(kj::mv(enqueue));
    call(session.readRequest());
    auto acknowledge = session.acknowledgeRequest();
    acknowledge.setThrough(1);
    call(kj::mv(acknowledge));
    auto fetch = service.fetchRequest();
    fetch.setRecipientKey(as_data(person.key.public_key));
    call(kj::mv(fetch));
  });
}

}  // namespace qnpc::fuzz
