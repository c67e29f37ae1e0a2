#include "server/delivery_service.h"

#include "server/envelope_exchange.h"
#include "server/parameters.h"

namespace qnpc::server {
namespace {

std::optional<MessageId> message_id(capnp::Data::Reader data) {
  if (data.size() == 0) return std::nullopt;
  return exactly<MessageId>(data, "the message id");
}

/// So that the answer is one allocation: the payloads, and for each its pointers and padding.
capnp::MessageSize answer_size(size_t payload_bytes, size_t payloads) {
  return {payload_bytes / sizeof(capnp::word) + 4 * payloads + 8, 0};
}

}  // namespace

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
    return store_.enqueue(recipient, id, std::move(payload)).ignoreResult();
  });
}

kj::Promise<void> DeliveryService::fetch(FetchContext context) {
  return calls_->run_large([&] {
    OwnerKey recipient = owner_key(context.getParams().getRecipientKey(), "the recipient key");
    return store_.drain(recipient).then([context](std::vector<Bytes>&& payloads) mutable {
      size_t bytes = 0;
      for (const Bytes& payload : payloads) bytes += payload.size();
      auto list = context.getResults(answer_size(bytes, payloads.size()))
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
          size_t bytes = 0;
          for (const Entry& entry : page.entries) bytes += entry.payload.size();
          auto results = context.getResults(answer_size(bytes, page.entries.size()));
          results.setMore(page.more);
          auto list = results.initEntries(static_cast<capnp::uint>(page.entries.size()));
          for (capnp::uint i = 0; i < list.size(); ++i) {
            list[i].setSequence(page.entries[i].sequence);
            list[i].setPayload(as_data(page.entries[i].payload));
          }
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

}  // namespace qnpc::server
