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
          refused_(other.refused_),
          in_handshake_(other.in_handshake_) {}
    Place& operator=(Place&&) = delete;
    ~Place();
    void handshake_done();
    /// See host_of().
    const std::string& host() const { return host_; }
    /// The limit for which the peer may do nothing but hear of it. Nothing: it may stay.
    std::optional<Limit> refused() const { return refused_; }

   private:
    friend class Admission;
    Place(Admission* admission, std::string host, std::optional<Limit> refused)
        : admission_(admission), host_(std::move(host)), refused_(refused) {}

    Admission* admission_;
    std::string host_;
    std::optional<Limit> refused_;
    bool in_handshake_ = true;
  };

  /// Nothing where a limit is reached, and there is not even room to say so.
  std::optional<Place> enter(const Address& peer);
  size_t connections() const;
  size_t handshakes() const;

 private:
  struct Host {
    size_t connections = 0;
    size_t handshakes = 0;
    size_t refused = 0;
  };
  bool may_shake_hands(const Host& host) const;
  bool may_be_told(const Host& host) const;
  std::optional<Limit> reason_to_refuse(const Host& host) const;
  /// The handshake's part of the place, or the whole of it.
  void leave(Place& place, bool whole);

  const AdmissionLimits limits_;
  Metrics& metrics_;
  mutable std::mutex mutex_;
  size_t connections_ = 0;
  size_t handshakes_ = 0;
  size_t refused_ = 0;
  std::map<std::string, Host> by_host_;
};

/// What counts as one address: an IPv4 address, or the 64-bit network of an IPv6 one, for whoever
/// has one address of such a network has all of them.
std::string host_of(const Address& address);

}  // namespace qnpc::server
