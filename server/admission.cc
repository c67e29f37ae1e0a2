#include "server/admission.h"

#include <netinet/in.h>

namespace qnpc::server {

std::optional<Admission::Place> Admission::enter(const Address& peer) {
  std::string host = host_of(peer);
  std::lock_guard lock(mutex_);
  if (connections_ >= limits_.connections || handshakes_ >= limits_.handshakes) return std::nullopt;
  auto found = by_host_.find(host);
  if (found != by_host_.end() && found->second >= limits_.per_address) return std::nullopt;
  ++connections_;
  ++handshakes_;
  ++by_host_[host];
  return Place(this, host);
}

size_t Admission::connections() const {
  std::lock_guard lock(mutex_);
  return connections_;
}

void Admission::Place::handshake_done() {
  std::lock_guard lock(admission_->mutex_);
  if (std::exchange(in_handshake_, false)) --admission_->handshakes_;
}

Admission::Place::~Place() {
  if (!admission_) return;
  std::lock_guard lock(admission_->mutex_);
  if (in_handshake_) --admission_->handshakes_;
  --admission_->connections_;
  auto found = admission_->by_host_.find(host_);
  if (--found->second == 0) admission_->by_host_.erase(found);
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
