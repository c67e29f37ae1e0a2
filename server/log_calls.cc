// log_calls: the calls of the Delivery Service that concern the logs of groups.
#include "server/log_calls.h"

#include <algorithm>

#include "server/delivery_service.h"
#include "server/inbox_calls.h"

namespace qnpc::server {
namespace {

/// Of append and appendCommit.
template <class Params>
LogAppend message(Params params, const Foundation& foundation) {
  return {.log = log_id(params.getLogId()),
          .epoch = possible_epoch(params.getEpoch()),
          .token = hash_of_token(params.getToken(), "the token"),
          .id = exactly<MessageId>(params.getMessageId(), "the message id"),
          .payload = payload_in(params, foundation)};
}

class LogSink final : public Sink {
 public:
  explicit LogSink(rpc::LogSink::Client sink) : sink_(kj::mv(sink)) {}

  kj::Promise<void> push(const Page& page) override {
    auto request = sink_.entriesRequest(message_size(page));
    request.setEpoch(page.epoch);
    set_entries(request, page);
    return request.send().ignoreResult();
  }
  kj::Promise<void> caught_up() override { return sink_.caughtUpRequest().send().ignoreResult(); }

 private:
  rpc::LogSink::Client sink_;
};

}  // namespace

kj::Promise<void> DeliveryService::createLog(CreateLogContext context) {
  return peer_.calls->run(CallKind::create_log, [&] {
    foundation_.access.require_open_calls();
    foundation_.access.count_log(as_view(peer_.host));
    return create_log(foundation_, peer_, std::nullopt, context);
  });
}

kj::Promise<void> DeliveryService::append(AppendContext context) {
  return run_with_token(CallKind::append, [&] {
    LogAppend request = message(context.getParams(), foundation_);
    context.releaseParams();
    foundation_.access.count_stored(peer_, request.payload.size());
    return foundation_.store.append(std::move(request)).then([context](uint64_t sequence) mutable {
      context.getResults().setSequence(sequence);
    });
  });
}

kj::Promise<void> DeliveryService::appendCommit(AppendCommitContext context) {
  return run_with_token(CallKind::append_commit, [&] {
    auto params = context.getParams();
    LogAppend request = message(params, foundation_);
    auto next = exactly<TokenHash>(params.getNextTokenHash(), "the next token hash");
    context.releaseParams();
    foundation_.access.count_stored(peer_, request.payload.size());
    return foundation_.store.commit(std::move(request), next)
        .then([this, context](CommitOutcome&& outcome) mutable {
          auto out = context.getResults().initOutcome();
          if (outcome.accepted) return out.setAccepted(outcome.sequence);
          foundation_.metrics.lost_commits.add();
          auto lost = out.initLost();
          lost.setEpoch(outcome.epoch);
          if (outcome.winner) set_entry(lost.initWinner(), *outcome.winner);
        });
  });
}

kj::Promise<void> DeliveryService::readLog(ReadLogContext context) {
  return run_with_token(CallKind::read_log, [&] {
    auto params = context.getParams();
    LogId log = log_id(params.getLogId());
    TokenHash token = hash_of_token(params.getToken(), "the token");
    return foundation_.store.read_log(log, token, params.getAfter(), params.getLimit())
        .then([calls = peer_.calls, context](Page&& page) mutable -> kj::Promise<void> {
          return rpc::answered([&]() -> kj::Promise<void> {
            calls->require_room(payload_bytes(page));
            auto results = context.getResults(message_size(page));
            results.setMore(page.more);
            results.setEpoch(page.epoch);
            set_entries(results, page);
            return kj::READY_NOW;
          });
        });
  });
}

kj::Promise<void> DeliveryService::subscribeLog(SubscribeLogContext context) {
  return run_with_token(CallKind::subscribe_log, [&] {
    auto params = context.getParams();
    LogId log = log_id(params.getLogId());
    TokenHash token = hash_of_token(params.getToken(), "the token");
    // Nothing stands after the last number: asks only whether, and from where, the reader may read.
    auto sink = kj::heap<LogSink>(params.getSink());
    return foundation_.store.read_log(log, token, UINT64_MAX, 1)
        .then([this, log, context, after = params.getAfter(),
               sink = kj::mv(sink)](Page&& page) mutable -> kj::Promise<void> {
          return rpc::answered([&]() -> kj::Promise<void> {
            QueueName queue{QueueName::Kind::log, log};
            context.getResults().setSubscription(kj::heap<Subscription>(subscriptions_.subscribe(
                queue, std::max(after, page.beginning), kj::mv(sink), peer_.calls->pushes())));
            return kj::READY_NOW;
          });
        });
  });
}

}  // namespace qnpc::server
