#include "server/admission.h"

#include <netinet/in.h>

#include <algorithm>

namespace qnpc::server {

std::optional<Admission::Place> Admission::enter(const Address& peer) {
  std::string name = host_of(peer);
  std::lock_guard lock(mutex_);
  auto found = by_host_.find(name);
  if (auto limit = limit_hit(found == by_host_.end() ? Host() : found->second)) {
    metrics_.limits_hit[*limit].add();
    return std::nullopt;
  }
  Host& host = by_host_[name];
  ++host.connections;
  ++host.handshakes;
  ++connections_;
  ++handshakes_;
  return Place(this, std::move(name));
}

std::optional<Limit> Admission::limit_hit(const Host& host) const {
  if (connections_ >= limits_.connections) return Limit::connections;
  if (handshakes_ >= limits_.handshakes) return Limit::handshakes;
  if (!limits_.by_address) return std::nullopt;
  if (host.connections >= limits_.per_address) return Limit::connections_per_address;
  const size_t share = std::max<size_t>(1, limits_.handshakes / limits::handshakes_share);
  if (host.handshakes >= share) return Limit::handshakes;
  return std::nullopt;
}

size_t Admission::connections() const {
  std::lock_guard lock(mutex_);
  return connections_;
}

size_t Admission::handshakes() const {
  std::lock_guard lock(mutex_);
  return handshakes_;
}

void Admission::end_handshake(Host& host) {
  --host.handshakes;
  --handshakes_;
}

void Admission::Place::handshake_done() {
  std::lock_guard lock(admission_->mutex_);
  if (std::exchange(in_handshake_, false)) admission_->end_handshake(admission_->by_host_[host_]);
}

Admission::Place::~Place() {
  if (!admission_) return;
  std::lock_guard lock(admission_->mutex_);
  auto host = admission_->by_host_.find(host_);
  if (in_handshake_) admission_->end_handshake(host->second);
  --admission_->connections_;
  if (--host->second.connections == 0) admission_->by_host_.erase(host);
}

std::string host_of(const Address& address) {
  auto bytes = [](const void* data, size_t size) {
    return std::string(static_cast<const char*>(data), size);
  };
  if (address.storage.ss_family == AF_INET) {
    return bytes(&reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr, 4);
  }
  const in6_addr& ipv6 = reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&ipv6)) return bytes(ipv6.s6_addr + 12, 4);
  return bytes(&ipv6, 8);
}

}  // namespace qnpc::server
