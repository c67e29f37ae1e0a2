// doorbell: subscriptions at the Delivery Service that say when there is something to read. What it
// is comes by reading, in the way of every other command. Lasts as long as one connection.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <vector>

#include "client/services.h"

namespace qnpc::client {

class Doorbell {
 public:
  Doorbell(Network& network, DeliveryClient& server);

  /// Each is subscribed to once, however often it is asked for. What the server does not let us
  /// subscribe to has to be looked at instead: is_complete() is false then. Throws ServerError
  /// where the server cannot be heard.
  void watch_inbox(View recipient_key, uint64_t after);
  void watch_log(const Bytes& log_id, const Secret& token, uint64_t after);
  bool is_complete() const { return is_complete_; }

  /// Returns when something was pushed since it returned last, when the connection is lost, or
  /// after `longest`.
  void wait(std::chrono::milliseconds longest);

 private:
  struct Bell;
  template <class Subscribe>
  void subscribe(const Bytes& name, Subscribe&& call);

  Network& network_;
  DeliveryClient& server_;
  std::shared_ptr<Bell> bell_;
  std::set<Bytes> watched_;
  std::vector<rpc::Subscription::Client> subscriptions_;
  bool is_complete_ = true;
};

}  // namespace qnpc::client
