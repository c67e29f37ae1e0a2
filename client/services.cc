#include "client/services.h"

#include <algorithm>

#include "client/limits.h"
#include "qnpc/crypto/hash.h"
#include "schemas/login.h"

namespace qnpc::client {
namespace {

capnp::Data::Reader as_data(View bytes) { return {bytes.data(), bytes.size()}; }
Bytes bytes(capnp::Data::Reader data) { return {data.begin(), data.end()}; }

template <class Client>
void ping_service(Connection& connection, Client& service) {
  auto request = service.exchangeRequest();
  request.initRequest().setMsgType(rpc::MsgType::PING);
  auto response =
      connection.network().wait(request.send(), "ping " + connection.address(), limits::call);
  if (response.getReply().getMsgType() != rpc::MsgType::PONG) {
    throw ServerError(Reason::malformed, connection.address() + " answered a ping with no pong");
  }
}

template <class Client>
ServerFacts describe_service(Connection& connection, Client& service) {
  auto response = connection.network().wait(service.describeRequest().send(),
                                            "asking " + connection.address(), limits::call);
  auto server = response.getServer();
  ServerFacts out{server.getVersion(), server.getOpenCalls(), "unknown", server.getDeliveryPort(),
                  server.getRequiresHybrid()};
  switch (server.getRegistration()) {
    case rpc::Registration::OPEN: out.registration = "open"; break;
    case rpc::Registration::INVITATION: out.registration = "invitation"; break;
    case rpc::Registration::CLOSED: out.registration = "closed"; break;
  }
  return out;
}

template <class Client>
auto login_request(Connection& connection, Client& service, const group::Identity& identity) {
  auto request = service.loginRequest();
  request.setIdentityKey(as_data(identity.identity_key()));
  Bytes message = rpc::login_message(connection.handshake_hash());
  request.setSignature(
      as_data(crypto::sign(crypto::SignatureScheme::ed25519, identity.key_pair(), message)));
  return request;
}

bool is_lost(const ServerError& e) { return exit_code_of(e) == ExitCode::unreachable; }

}  // namespace

AuthenticationClient::AuthenticationClient(Connection& connection)
    : connection_(connection), service_(connection.service<rpc::AuthenticationService>()) {}

void AuthenticationClient::ping() { ping_service(connection_, service_); }

ServerFacts AuthenticationClient::describe() { return describe_service(connection_, service_); }

void AuthenticationClient::log_in(const group::Identity& identity, const Secret& invitation) {
  auto request = login_request(connection_, service_, identity);
  request.setInvitation(as_data(invitation.reveal()));
  sessions_.add(identity.identity_key(), request.send().getSession());
}

std::vector<Bytes> AuthenticationClient::upload_key_packages(View identity_key, group::Suite suite,
                                                             const std::vector<Bytes>& packages,
                                                             group::KeyPackageUse use) {
  using Answer =
      kj::Promise<capnp::Response<rpc::AuthenticationService::Session::UploadKeyPackageResults>>;
  std::vector<Bytes> fingerprints;
  while (fingerprints.size() < packages.size()) {
    std::vector<Answer> answers;
    const size_t start = fingerprints.size();
    const size_t end = std::min(start + limits::deliveries_in_flight, packages.size());
    for (size_t i = start; i < end; ++i) {
      auto request = sessions_.of(identity_key).uploadKeyPackageRequest();
      request.setPackage(as_data(packages[i]));
      request.setIsLastResort(use == group::KeyPackageUse::last_resort);
      request.setCipherSuite(static_cast<uint16_t>(suite));
      answers.push_back(request.send());
    }
    for (Answer& answer : answers) {
      auto response =
          connection_.network().wait(kj::mv(answer), "uploading KeyPackages", limits::call);
      fingerprints.push_back(bytes(response.getFingerprint()));
    }
  }
  return fingerprints;
}

KeyPackageStock AuthenticationClient::key_package_stock(View identity_key, group::Suite suite) {
  auto request = sessions_.of(identity_key).countKeyPackagesRequest();
  request.setCipherSuite(static_cast<uint16_t>(suite));
  auto response =
      connection_.network().wait(request.send(), "counting our KeyPackages", limits::call);
  return {response.getCount(), response.getHasLastResort()};
}

void AuthenticationClient::drop_key_packages(View identity_key, group::Suite suite) {
  auto request = sessions_.of(identity_key).dropKeyPackagesRequest();
  request.setCipherSuite(static_cast<uint16_t>(suite));
  connection_.network().wait(request.send(), "replacing our KeyPackages", limits::call);
}

std::optional<Bytes> AuthenticationClient::fetch_key_package(View own_key, View identity_key,
                                                             group::Suite suite) {
  auto request = sessions_.of(own_key).fetchKeyPackageRequest();
  request.setIdentityKey(as_data(identity_key));
  request.setCipherSuite(static_cast<uint16_t>(suite));
  auto response = connection_.network().wait(request.send(), "fetching a KeyPackage", limits::call);
  if (response.getPackage().size() == 0) return std::nullopt;
  if (response.getPackage().size() > limits::key_package_bytes) {
    throw Error(Reason::rejected, "the server gave a KeyPackage of an impossible size");
  }
  return bytes(response.getPackage());
}

DeliveryClient::DeliveryClient(Connection& connection)
    : connection_(connection), service_(connection.service<rpc::DeliveryService>()) {}

void DeliveryClient::ping() { ping_service(connection_, service_); }

ServerFacts DeliveryClient::describe() { return describe_service(connection_, service_); }

void DeliveryClient::log_in(const group::Identity& identity) {
  auto request = login_request(connection_, service_, identity);
  sessions_.add(identity.identity_key(), request.send().getSession());
}

void DeliveryClient::set_inbox_token(const group::Identity& identity) {
  auto request = sessions_.of(identity.identity_key()).setDeliveryTokenRequest();
  request.setTokenHash(
      as_data(crypto::digest(crypto::Hash::sha256, identity.inbox_token().reveal())));
  connection_.network().wait(request.send(), "opening the inbox", limits::call);
}

std::vector<std::optional<ServerError>> DeliveryClient::enqueue(
    View payload, const std::vector<Delivery>& deliveries) {
  using Answer = kj::Promise<capnp::Response<rpc::DeliveryService::EnqueueResults>>;
  const size_t window =
      std::clamp<size_t>(limits::delivery_bytes_in_flight / std::max<size_t>(payload.size(), 1), 1,
                         limits::deliveries_in_flight);
  std::vector<std::optional<ServerError>> results;
  for (size_t start = 0; start < deliveries.size(); start += window) {
    std::vector<Answer> answers;
    size_t end = std::min(start + window, deliveries.size());
    for (size_t i = start; i < end; ++i) {
      auto request = service_.enqueueRequest();
      request.setRecipientKey(as_data(deliveries[i].recipient.identity_key));
      request.setToken(as_data(deliveries[i].recipient.token));
      request.setPayload(as_data(payload));
      request.setMessageId(as_data(deliveries[i].message_id));
      answers.push_back(request.send());
    }
    for (Answer& answer : answers) {
      try {
        connection_.network().wait(kj::mv(answer), "delivering", limits::call);
        results.push_back(std::nullopt);
      } catch (const ServerError& e) {
        if (is_lost(e)) throw;
        results.push_back(e);
      }
    }
  }
  return results;
}

InboxPage DeliveryClient::read(View recipient_key, uint64_t after) {
  auto request = sessions_.of(recipient_key).readRequest();
  request.setAfter(after);
  request.setLimit(limits::page_entries);
  auto response = connection_.network().wait(request.send(), "reading the inbox", limits::call);
  InboxPage page;
  for (auto entry : response.getEntries()) {
    page.entries.push_back({entry.getSequence(), bytes(entry.getPayload())});
  }
  page.more = response.getMore();
  page.expired_through = response.getExpiredThrough();
  return page;
}

void DeliveryClient::acknowledge(View recipient_key, uint64_t through) {
  auto request = sessions_.of(recipient_key).acknowledgeRequest();
  request.setThrough(through);
  connection_.network().wait(request.send(), "acknowledging what was read", limits::call);
}

Appended DeliveryClient::append(View log_id, const Append& append) {
  try {
    return append_or_fail(log_id, append);
  } catch (const ServerError& e) {
    if (e.reason() == Reason::conflict) return {};
    throw;
  }
}

Appended DeliveryClient::append_or_fail(View log_id, const Append& append) {
  auto fill_entry = [&](auto& request) {
    request.setLogId(as_data(log_id));
    request.setEpoch(append.epoch);
    request.setToken(as_data(append.token.reveal()));
    request.setMessageId(as_data(append.message_id));
    request.setPayload(as_data(append.payload));
  };
  Network& network = connection_.network();
  switch (append.kind) {
    case Append::Kind::create: {
      auto request = sessions_.any().createLogRequest();
      request.setLogId(as_data(log_id));
      request.setEpoch(append.epoch);
      request.setTokenHash(as_data(crypto::digest(crypto::Hash::sha256, append.token.reveal())));
      network.wait(request.send(), "making the group's log", limits::call);
      return {.accepted = true};
    }
    case Append::Kind::commit: {
      auto request = service_.appendCommitRequest();
      fill_entry(request);
      request.setNextTokenHash(as_data(append.next_token_hash));
      auto response = network.wait(request.send(), "changing the group", limits::call);
      auto outcome = response.getOutcome();
      if (outcome.isLost()) return {};
      return {.accepted = true, .sequence = outcome.getAccepted()};
    }
    case Append::Kind::message:
    case Append::Kind::leave: {
      auto request = service_.appendRequest();
      fill_entry(request);
      auto response = network.wait(request.send(), "sending", limits::call);
      return {.accepted = true, .sequence = response.getSequence()};
    }
  }
  throw Error(Reason::corrupt, "the state file: no such kind of append");
}

rpc::Subscription::Client DeliveryClient::subscribe(View recipient_key, uint64_t after,
                                                    rpc::InboxSink::Client sink) {
  auto request = sessions_.of(recipient_key).subscribeRequest();
  request.setAfter(after);
  request.setSink(kj::mv(sink));
  return connection_.network()
      .wait(request.send(), "subscribing to the inbox", limits::call)
      .getSubscription();
}

rpc::Subscription::Client DeliveryClient::subscribe_log(View log_id, const Secret& token,
                                                        uint64_t after, rpc::LogSink::Client sink) {
  auto request = service_.subscribeLogRequest();
  request.setLogId(as_data(log_id));
  request.setToken(as_data(token.reveal()));
  request.setAfter(after);
  request.setSink(kj::mv(sink));
  return connection_.network()
      .wait(request.send(), "subscribing to a log", limits::call)
      .getSubscription();
}

LogPage DeliveryClient::read_log(View log_id, const Secret& token, uint64_t after) {
  auto request = service_.readLogRequest();
  request.setLogId(as_data(log_id));
  request.setToken(as_data(token.reveal()));
  request.setAfter(after);
  request.setLimit(limits::page_entries);
  auto response = connection_.network().wait(request.send(), "reading the log", limits::call);
  LogPage page;
  for (auto entry : response.getEntries()) {
    page.entries.push_back(
        {entry.getSequence(), entry.getEpoch(), entry.getIsCommit(), bytes(entry.getPayload())});
  }
  page.more = response.getMore();
  page.epoch = response.getEpoch();
  page.expired_through = response.getExpiredThrough();
  return page;
}

}  // namespace qnpc::client
