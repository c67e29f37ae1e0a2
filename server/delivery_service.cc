#include "server/delivery_service.h"

#include "server/entries.h"
#include "server/envelope_exchange.h"
#include "server/parameters.h"

namespace qnpc::server {
namespace {

std::optional<MessageId> message_id(capnp::Data::Reader data) {
  if (data.size() == 0) return std::nullopt;
  return exactly<MessageId>(data, "the message id");
}

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

/// What a subscriber holds; dropping it ends the subscription.
class Subscription final : public rpc::Subscription::Server {
 public:
  explicit Subscription(kj::Own<Subscriber> subscriber) : subscriber_(kj::mv(subscriber)) {}

 private:
  kj::Own<Subscriber> subscriber_;
};

}  // namespace

rpc::Subscription::Client DeliveryService::subscription(const QueueName& queue, uint64_t after,
                                                        kj::Own<Sink> sink) {
  return kj::heap<Subscription>(
      subscriptions_.subscribe(queue, after, kj::mv(sink), calls_->pushes()));
}

kj::Promise<void> DeliveryService::exchange(ExchangeContext context) {
  return calls_->run([&] { return exchange_envelope(context); });
}

kj::Promise<void> DeliveryService::enqueue(EnqueueContext context) {
  return calls_->run([&] {
    auto params = context.getParams();
    OwnerKey recipient = owner_key(params.getRecipientKey(), "the recipient key");
    std::optional<MessageId> id = message_id(params.getMessageId());
    Bytes payload = at_most(params.getPayload(), limits::payload_bytes, "the payload");
    context.releaseParams();
    return store_.enqueue(recipient, std::nullopt, id, std::move(payload)).ignoreResult();
  });
}

kj::Promise<void> DeliveryService::fetch(FetchContext context) {
  return calls_->run_large([&] {
    OwnerKey recipient = owner_key(context.getParams().getRecipientKey(), "the recipient key");
    return store_.drain(recipient).then([context](std::vector<Bytes>&& payloads) mutable {
      size_t bytes = 0;
      for (const Bytes& payload : payloads) bytes += payload.size();
      auto list = context.getResults(message_size(bytes, payloads.size()))
                      .initPayloads(static_cast<capnp::uint>(payloads.size()));
      for (capnp::uint i = 0; i < list.size(); ++i) list.set(i, as_data(payloads[i]));
    });
  });
}

kj::Promise<void> DeliveryService::read(ReadContext context) {
  return calls_->run_large([&] {
    auto params = context.getParams();
    OwnerKey recipient = owner_key(params.getRecipientKey(), "the recipient key");
    return store_.read(recipient, params.getAfter(), params.getLimit())
        .then([context](Page&& page) mutable {
          auto results = context.getResults(message_size(page));
          results.setMore(page.more);
          set_entries(results, page);
        });
  });
}

kj::Promise<void> DeliveryService::acknowledge(AcknowledgeContext context) {
  return calls_->run([&] {
    auto params = context.getParams();
    OwnerKey recipient = owner_key(params.getRecipientKey(), "the recipient key");
    return store_.acknowledge(recipient, params.getThrough()).ignoreResult();
  });
}

kj::Promise<void> DeliveryService::subscribe(SubscribeContext context) {
  return calls_->run([&]() -> kj::Promise<void> {
    auto params = context.getParams();
    OwnerKey recipient = owner_key(params.getRecipientKey(), "the recipient key");
    context.getResults().setSubscription(subscription({QueueName::Kind::inbox, recipient},
                                                      params.getAfter(),
                                                      kj::heap<InboxSink>(params.getSink())));
    return kj::READY_NOW;
  });
}

}  // namespace qnpc::server
