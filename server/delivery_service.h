// delivery_service: schemas/delivery.capnp for one connection. Its calls for inboxes are in
// delivery_service.cc, those for logs in log_calls.cc.
#pragma once

#include "schemas/delivery.capnp.h"
#include "server/service.h"
#include "server/subscriptions.h"

namespace qnpc::server {

class DeliveryService final : public rpc::DeliveryService::Server {
 public:
  DeliveryService(const Foundation& foundation, Subscriptions& subscriptions, Peer peer)
      : foundation_(foundation), subscriptions_(subscriptions), peer_(std::move(peer)) {}

 protected:
  kj::Promise<void> exchange(ExchangeContext context) override;
  kj::Promise<void> describe(DescribeContext context) override;

  kj::Promise<void> enqueue(EnqueueContext context) override;
  kj::Promise<void> fetch(FetchContext context) override;
  kj::Promise<void> read(ReadContext context) override;
  kj::Promise<void> acknowledge(AcknowledgeContext context) override;
  kj::Promise<void> subscribe(SubscribeContext context) override;
  kj::Promise<void> login(LoginContext context) override;

  kj::Promise<void> createLog(CreateLogContext context) override;
  kj::Promise<void> append(AppendContext context) override;
  kj::Promise<void> appendCommit(AppendCommitContext context) override;
  kj::Promise<void> readLog(ReadLogContext context) override;
  kj::Promise<void> subscribeLog(SubscribeLogContext context) override;

 private:
  /// Runs a call that shows a token. For whom was refused too often for it, the store is not asked
  /// again.
  template <class Call>
  kj::Promise<void> run_with_token(CallKind kind, Call&& call) {
    return peer_.calls->run(kind, [&] {
      foundation_.access.require_few_refusals(peer_);
      return call().catch_([this](kj::Exception&& exception) {
        foundation_.access.count_refusal(peer_, rpc::from_exception(exception).reason());
        kj::throwFatalException(kj::mv(exception));
      });
    });
  }
  /// For the calls of an open server that name a recipient.
  template <class Context>
  OwnerKey open_inbox(Context& context) const;

  const Foundation foundation_;
  Subscriptions& subscriptions_;
  const Peer peer_;
};

}  // namespace qnpc::server
