#include "server/delivery_service.h"

#include "server/inbox_calls.h"
#include "server/log_calls.h"

namespace qnpc::server {
namespace {

std::optional<MessageId> message_id(capnp::Data::Reader data) {
  if (data.size() == 0) return std::nullopt;
  return exactly<MessageId>(data, "the message id");
}

class Session final : public rpc::DeliveryService::Session::Server {
 public:
  Session(const Foundation& foundation, Subscriptions& subscriptions, Peer peer,
          const OwnerKey& identity)
      : foundation_(foundation),
        subscriptions_(subscriptions),
        peer_(std::move(peer)),
        identity_(identity) {}

 protected:
  kj::Promise<void> read(ReadContext context) override {
    return peer_.calls->run(CallKind::read, [&] {
      return read_inbox(foundation_.store, *peer_.calls, identity_, context);
    });
  }
  kj::Promise<void> acknowledge(AcknowledgeContext context) override {
    return peer_.calls->run(CallKind::acknowledge, [&] {
      foundation_.access.count_change(identity_);
      return server::acknowledge(foundation_.store, identity_, context);
    });
  }
  kj::Promise<void> subscribe(SubscribeContext context) override {
    return peer_.calls->run(CallKind::subscribe, [&] {
      return subscribe_to_inbox(subscriptions_, *peer_.calls, identity_, context);
    });
  }
  kj::Promise<void> setDeliveryToken(SetDeliveryTokenContext context) override {
    return peer_.calls->run(CallKind::set_delivery_token, [&] {
      auto hash = exactly<TokenHash>(context.getParams().getTokenHash(), "the token hash");
      foundation_.access.count_change(identity_);
      return foundation_.store.set_delivery_token(identity_, hash);
    });
  }
  kj::Promise<void> createLog(CreateLogContext context) override {
    return peer_.calls->run(CallKind::create_log, [&] {
      foundation_.access.count_log(identity_);
      return create_log(foundation_, peer_, identity_, context);
    });
  }

 private:
  const Foundation foundation_;
  Subscriptions& subscriptions_;
  const Peer peer_;
  const OwnerKey identity_;
};

}  // namespace

template <class Context>
OwnerKey DeliveryService::open_inbox(Context& context) const {
  foundation_.access.require_open_calls();
  return owner_key(context.getParams().getRecipientKey(), "the recipient key");
}

kj::Promise<void> DeliveryService::exchange(ExchangeContext context) {
  return peer_.calls->run(CallKind::exchange, [&] { return exchange_envelope(context); });
}

kj::Promise<void> DeliveryService::describe(DescribeContext context) {
  return peer_.calls->run(CallKind::describe,
                          [&] { return server::describe(context, foundation_); });
}

kj::Promise<void> DeliveryService::login(LoginContext context) {
  return peer_.calls->run(CallKind::login, [&] {
    auto params = context.getParams();
    return foundation_.access.log_in(peer_, {params.getIdentityKey(), params.getSignature(), {}})
        .then([this, context](OwnerKey identity) mutable {
          context.getResults().setSession(
              kj::heap<Session>(foundation_, subscriptions_, peer_, identity));
        });
  });
}

kj::Promise<void> DeliveryService::enqueue(EnqueueContext context) {
  return run_with_token(CallKind::enqueue, [&] {
    auto params = context.getParams();
    OwnerKey recipient = owner_key(params.getRecipientKey(), "the recipient key");
    std::optional<MessageId> id = message_id(params.getMessageId());
    foundation_.access.count_delivery(peer_);
    std::optional<TokenHash> token;
    if (!foundation_.access.policy().open_calls) {
      token = hash_of_token(params.getToken(), "the token of the recipient's inbox");
    }
    Bytes payload = payload_in(params, foundation_);
    context.releaseParams();
    foundation_.access.count_stored(peer_, payload.size());
    return foundation_.store.enqueue(recipient, token, id, std::move(payload)).ignoreResult();
  });
}

kj::Promise<void> DeliveryService::fetch(FetchContext context) {
  return peer_.calls->run(CallKind::fetch, [&] {
    const OwnerKey inbox = open_inbox(context);
    foundation_.access.count_change(as_view(peer_.host));
    peer_.calls->require_room(limits::drain_bytes);  // before it is gone from the store
    return foundation_.store.drain(inbox).then([context](std::vector<Bytes>&& payloads) mutable {
      size_t bytes = 0;
      for (const Bytes& payload : payloads) bytes += payload.size();
      auto list = context.getResults(message_size(bytes, payloads.size()))
                      .initPayloads(static_cast<capnp::uint>(payloads.size()));
      for (capnp::uint i = 0; i < list.size(); ++i) list.set(i, as_data(payloads[i]));
    });
  });
}

kj::Promise<void> DeliveryService::read(ReadContext context) {
  return peer_.calls->run(CallKind::read, [&] {
    return read_inbox(foundation_.store, *peer_.calls, open_inbox(context), context);
  });
}

kj::Promise<void> DeliveryService::acknowledge(AcknowledgeContext context) {
  return peer_.calls->run(CallKind::acknowledge, [&] {
    const OwnerKey inbox = open_inbox(context);
    foundation_.access.count_change(as_view(peer_.host));
    return server::acknowledge(foundation_.store, inbox, context);
  });
}

kj::Promise<void> DeliveryService::subscribe(SubscribeContext context) {
  return peer_.calls->run(CallKind::subscribe, [&] {
    return subscribe_to_inbox(subscriptions_, *peer_.calls, open_inbox(context), context);
  });
}

}  // namespace qnpc::server
