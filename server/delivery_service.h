// delivery_service: schemas/delivery.capnp for one connection.
#pragma once

#include "schemas/delivery.capnp.h"
#include "server/call_gate.h"
#include "server/store/store.h"

namespace qnpc::server {

class DeliveryService final : public rpc::DeliveryService::Server {
 public:
  DeliveryService(Store& store, std::shared_ptr<CallGate> calls)
      : store_(store), calls_(std::move(calls)) {}

 protected:
  kj::Promise<void> exchange(ExchangeContext context) override;
  kj::Promise<void> enqueue(EnqueueContext context) override;
  kj::Promise<void> fetch(FetchContext context) override;
  kj::Promise<void> read(ReadContext context) override;
  kj::Promise<void> acknowledge(AcknowledgeContext context) override;

 private:
  Store& store_;
  std::shared_ptr<CallGate> calls_;
};

}  // namespace qnpc::server
