// bystanders: clients that do what clients do while others attack the server: each appends to a log
// of its own and reads it at a steady pace, in a thread of their own. Together they ask for a part
// of what a server on two cores can do, so that they are slowed down when less than that is left.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "qnpc/crypto/signature.h"
#include "schemas/login.h"
#include "tests/support/log_client.h"
#include "tests/support/server_process.h"

namespace qnpc::abuse {

inline constexpr auto ed25519 = crypto::SignatureScheme::ed25519;

inline crypto::SignatureKeyPair new_identity() {
  crypto::SystemRandom random;
  return crypto::generate_signature_key(ed25519, random);
}

/// An identity's session at the Delivery Service or the Authentication Service.
template <class Client>
auto log_in(Client& client, const crypto::SignatureKeyPair& key = new_identity()) {
  auto request = client.service.loginRequest();
  request.setIdentityKey(test::as_data(key.public_key));
  request.setSignature(
      test::as_data(crypto::sign(ed25519, key, rpc::login_message(client.handshake_hash()))));
  return request.send().getSession();
}

/// Names the client's log at random and makes it.
inline kj::Promise<void> make_log(test::LogClient& client) {
  crypto::SystemRandom().fill(client.log);
  auto request = log_in(client).createLogRequest();
  request.setLogId(test::as_data(client.log));
  request.setTokenHash(test::as_data(test::token_hash_of(0)));
  return request.send().ignoreResult();
}

class Bystanders {
 public:
  explicit Bystanders(const test::ServerProcess& server)
      : thread_([this, delivery = server.delivery, key = server.key] { run(delivery, key); }) {}
  ~Bystanders() {
    stopping_ = true;
    thread_.join();
  }

  /// Calls that were answered.
  uint64_t answered() const { return answered_; }
  /// What went wrong first; empty: nothing.
  std::string error() const {
    std::lock_guard lock(mutex_);
    return error_;
  }
  /// Answered calls a second while the action runs.
  template <class Action>
  double rate_during(Action&& action) const {
    const auto begin = std::chrono::steady_clock::now();
    const uint64_t before = answered_;
    action();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    return static_cast<double>(answered_ - before) / took.count();
  }

 private:
  static constexpr size_t count = 20;
  // Between two appends of one client. It makes one call at a time: where an append and a read take
  // longer than this, it falls behind.
  static constexpr auto pace = 20 * kj::MILLISECONDS;

  void run(const std::string& delivery, const std::string& key) {
    try {
      kj::AsyncIoContext io = kj::setupAsyncIo();
      std::vector<std::unique_ptr<test::LogClient>> clients;
      std::vector<kj::Promise<void>> talks;
      while (clients.size() < count) {
        clients.push_back(std::make_unique<test::LogClient>(io, delivery, key));
        make_log(*clients.back()).wait(io.waitScope);
      }
      kj::Timer& timer = io.provider->getTimer();
      for (auto& client : clients) {
        talks.push_back(talk(*client, 1, timer, timer.now()).eagerlyEvaluate(nullptr));
      }
      for (auto& each : talks) each.wait(io.waitScope);
    } catch (const kj::Exception& exception) {
      std::lock_guard lock(mutex_);
      error_ = exception.getDescription().cStr();
    }
  }

  kj::Promise<void> talk(test::LogClient& client, uint64_t id, kj::Timer& timer,
                         kj::TimePoint due) {
    if (stopping_) return kj::READY_NOW;
    return timer.atTime(due)
        .then(
            [&client, id] { return client.append_request(0, id, test::numbered(1000, id)).send(); })
        .then([&client](auto&& answer) {
          return client.read_request(0, answer.getSequence() - 1).send().ignoreResult();
        })
        .then([this, &client, id, &timer, due] {
          answered_ += 2;
          return talk(client, id + 1, timer, kj::max(due + pace, timer.now()));
        });
  }

  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> answered_{0};
  mutable std::mutex mutex_;
  std::string error_;
  std::thread thread_;
};

}  // namespace qnpc::abuse
