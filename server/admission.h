// admission: how many connections there may be, in total, in their handshake and from one address.
// One for all threads.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "server/address.h"
#include "server/limits.h"
#include "server/metrics.h"

namespace qnpc::server {

struct AdmissionLimits {
  size_t connections = limits::connections;
  size_t handshakes = limits::handshakes;  // of which one address may have a share
  size_t per_address = limits::connections_per_address;
  bool by_address = true;  // else one address may have all there are
};

class Admission {
 public:
  Admission(const AdmissionLimits& admission_limits, Metrics& metrics)
      : limits_(admission_limits), metrics_(metrics) {}

  /// A place for one connection, which it holds as long as it lives.
  class Place {
   public:
    Place(Place&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)),
          host_(std::move(other.host_)),
          in_handshake_(other.in_handshake_) {}
    Place& operator=(Place&&) = delete;
    ~Place();
    void handshake_done();
    /// See host_of().
    const std::string& host() const { return host_; }

   private:
    friend class Admission;
    Place(Admission* admission, std::string host) : admission_(admission), host_(std::move(host)) {}

    Admission* admission_;
    std::string host_;
    bool in_handshake_ = true;
  };

  /// Nothing where a limit is reached.
  std::optional<Place> enter(const Address& peer);
  size_t connections() const;
  size_t handshakes() const;

 private:
  struct Host {
    size_t connections = 0;
    size_t handshakes = 0;
  };
  std::optional<Limit> limit_hit(const Host& host) const;
  void end_handshake(Host& host);

  const AdmissionLimits limits_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  size_t connections_ = 0;
  size_t handshakes_ = 0;
  std::map<std::string, Host> by_host_;
};

/// What counts as one address: an IPv4 address, or the 64-bit network of an IPv6 one, for whoever
/// has one address of such a network has all of them.
std::string host_of(const Address& address);

}  // namespace qnpc::server
