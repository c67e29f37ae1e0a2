// delivery_service: schemas/delivery.capnp for one connection. Its calls for inboxes are in
// delivery_service.cc, those for logs in log_calls.cc.
#pragma once

#include "schemas/delivery.capnp.h"
#include "server/call_gate.h"
#include "server/subscriptions.h"

namespace qnpc::server {

class DeliveryService final : public rpc::DeliveryService::Server {
 public:
  DeliveryService(Store& store, Subscriptions& subscriptions, std::shared_ptr<CallGate> calls)
      : store_(store), subscriptions_(subscriptions), calls_(std::move(calls)) {}

 protected:
  kj::Promise<void> exchange(ExchangeContext context) override;

  kj::Promise<void> enqueue(EnqueueContext context) override;
  kj::Promise<void> fetch(FetchContext context) override;
  kj::Promise<void> read(ReadContext context) override;
  kj::Promise<void> acknowledge(AcknowledgeContext context) override;
  kj::Promise<void> subscribe(SubscribeContext context) override;

  kj::Promise<void> createLog(CreateLogContext context) override;
  kj::Promise<void> append(AppendContext context) override;
  kj::Promise<void> appendCommit(AppendCommitContext context) override;
  kj::Promise<void> readLog(ReadLogContext context) override;
  kj::Promise<void> subscribeLog(SubscribeLogContext context) override;

 private:
  rpc::Subscription::Client subscription(const QueueName& queue, uint64_t after,
                                         kj::Own<Sink> sink);

  Store& store_;
  Subscriptions& subscriptions_;
  std::shared_ptr<CallGate> calls_;
};

}  // namespace qnpc::server
