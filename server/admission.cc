#include "server/admission.h"

#include <netinet/in.h>

#include <algorithm>

namespace qnpc::server {
namespace {

/// Of one address.
size_t share_of(size_t places) { return std::max<size_t>(1, places / limits::handshakes_share); }

}  // namespace

std::optional<Admission::Place> Admission::enter(const Address& peer) {
  std::string name = host_of(peer);
  std::lock_guard lock(mutex_);
  const auto found = by_host_.find(name);
  const Host before = found == by_host_.end() ? Host() : found->second;
  if (!may_shake_hands(before)) {
    metrics_.limits_hit[Limit::handshakes].add();
    return std::nullopt;
  }
  const std::optional<Limit> refused = reason_to_refuse(before);
  if (refused) {
    metrics_.limits_hit[*refused].add();
    if (!may_be_told(before)) return std::nullopt;
  }
  Host& host = by_host_[name];
  ++host.handshakes;
  ++handshakes_;
  ++(refused ? refused_ : connections_);
  ++(refused ? host.refused : host.connections);
  return Place(this, std::move(name), refused);
}

bool Admission::may_shake_hands(const Host& host) const {
  if (handshakes_ >= limits_.handshakes) return false;
  return !limits_.by_address || host.handshakes < share_of(limits_.handshakes);
}

bool Admission::may_be_told(const Host& host) const {
  if (refused_ >= limits::refused_connections) return false;
  return !limits_.by_address || host.refused < share_of(limits::refused_connections);
}

std::optional<Limit> Admission::reason_to_refuse(const Host& host) const {
  if (connections_ >= limits_.connections) return Limit::connections;
  if (limits_.by_address && host.connections >= limits_.per_address) {
    return Limit::connections_per_address;
  }
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

void Admission::leave(Place& place, bool whole) {
  std::lock_guard lock(mutex_);
  Host& host = by_host_[place.host_];
  if (std::exchange(place.in_handshake_, false)) {
    --host.handshakes;
    --handshakes_;
  }
  if (whole) {
    --(place.refused_ ? refused_ : connections_);
    --(place.refused_ ? host.refused : host.connections);
  }
  if (host.connections + host.refused == 0) by_host_.erase(place.host_);
}

void Admission::Place::handshake_done() { admission_->leave(*this, false); }

Admission::Place::~Place() {
  if (admission_) admission_->leave(*this, true);
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
