#include "client/doorbell.h"

namespace qnpc::client {

struct Doorbell::Bell {
  bool rung = false;
  kj::Own<kj::PromiseFulfiller<void>> waiting;

  void ring() {
    rung = true;
    if (waiting.get() != nullptr) waiting->fulfill();
  }
};

namespace {

// Takes what is pushed by saying so: the next push comes only then.
template <class Interface, class Bell>
class RingingSink final : public Interface::Server {
 public:
  explicit RingingSink(std::shared_ptr<Bell> bell) : bell_(std::move(bell)) {}
  kj::Promise<void> entries(typename Interface::Server::EntriesContext) override {
    bell_->ring();
    return kj::READY_NOW;
  }
  kj::Promise<void> caughtUp(typename Interface::Server::CaughtUpContext) override {
    return kj::READY_NOW;
  }

 private:
  std::shared_ptr<Bell> bell_;
};

}  // namespace

Doorbell::Doorbell(Network& network, DeliveryClient& server)
    : network_(network), server_(server), bell_(std::make_shared<Bell>()) {}

template <class Subscribe>
void Doorbell::subscribe(const Bytes& name, Subscribe&& call) {
  if (!watched_.insert(name).second) return;
  try {
    subscriptions_.push_back(call());
  } catch (const ServerError& e) {
    if (exit_code_of(e) == ExitCode::unreachable) throw;
    is_complete_ = false;
  }
}

void Doorbell::watch_inbox(View recipient_key, uint64_t after) {
  subscribe(to_bytes(recipient_key), [&] {
    return server_.subscribe(recipient_key, after,
                             kj::heap<RingingSink<rpc::InboxSink, Bell>>(bell_));
  });
}

void Doorbell::watch_log(const Bytes& log_id, const Secret& token, uint64_t after) {
  subscribe(log_id, [&] {
    return server_.subscribe_log(log_id, token, after,
                                 kj::heap<RingingSink<rpc::LogSink, Bell>>(bell_));
  });
}

void Doorbell::wait(std::chrono::milliseconds longest) {
  if (!bell_->rung) {
    auto paf = kj::newPromiseAndFulfiller<void>();
    bell_->waiting = kj::mv(paf.fulfiller);
    network_.wait_at_most(paf.promise.exclusiveJoin(server_.on_disconnect()), longest);
    bell_->waiting = nullptr;
  }
  bell_->rung = false;
}

}  // namespace qnpc::client
