// inbox_calls: what may be done with an inbox, for whoever may: its owner in a session, or anybody
// on an open server. Each takes the context of either call, which have the same parameters but for
// the recipient's key.
#pragma once

#include "server/entries.h"
#include "server/subscriptions.h"

namespace qnpc::server {

/// What a subscriber holds; dropping it ends the subscription.
class Subscription final : public rpc::Subscription::Server {
 public:
  explicit Subscription(kj::Own<Subscriber> subscriber) : subscriber_(kj::mv(subscriber)) {}

 private:
  kj::Own<Subscriber> subscriber_;
};

class InboxSink final : public Sink {
 public:
  explicit InboxSink(rpc::InboxSink::Client sink) : sink_(kj::mv(sink)) {}

  kj::Promise<void> push(const Page& page) override {
    auto request = sink_.entriesRequest(message_size(page));
    set_entries(request, page);
    return request.send().ignoreResult();
  }
  kj::Promise<void> caught_up() override { return sink_.caughtUpRequest().send().ignoreResult(); }

 private:
  rpc::InboxSink::Client sink_;
};

template <class Context>
kj::Promise<void> read_inbox(Store& store, const CallGate& calls, const OwnerKey& inbox,
                             Context context) {
  auto params = context.getParams();
  return store.read(inbox, params.getAfter(), params.getLimit())
      .then([&calls, context](Page&& page) mutable -> kj::Promise<void> {
        return rpc::answered([&]() -> kj::Promise<void> {
          calls.require_room(payload_bytes(page));
          auto results = context.getResults(message_size(page));
          results.setMore(page.more);
          set_entries(results, page);
          return kj::READY_NOW;
        });
      });
}

template <class Context>
kj::Promise<void> acknowledge(Store& store, const OwnerKey& inbox, Context context) {
  return store.acknowledge(inbox, context.getParams().getThrough()).ignoreResult();
}

template <class Context>
kj::Promise<void> subscribe_to_inbox(Subscriptions& subscriptions, const CallGate& calls,
                                     const OwnerKey& inbox, Context context) {
  auto params = context.getParams();
  auto subscriber = subscriptions.subscribe({QueueName::Kind::inbox, inbox}, params.getAfter(),
                                            kj::heap<InboxSink>(params.getSink()), calls.pushes());
  context.getResults().setSubscription(kj::heap<Subscription>(kj::mv(subscriber)));
  return kj::READY_NOW;
}

}  // namespace qnpc::server
