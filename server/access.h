// access: who may do what, and how much of it. One for all threads.
#pragma once

#include <capnp/blob.h>
#include <kj/async.h>

#include <optional>

#include "server/limits.h"
#include "server/live_sessions.h"
#include "server/peer.h"
#include "server/rate_limiter.h"
#include "server/store/store.h"

namespace qnpc::server {

enum class Registration { open, invitation, closed };

struct AccessPolicy {
  bool open_calls = false;  // the calls that need no login are answered, for anybody's things
  Registration registration = Registration::open;
  bool rate_limits = true;
};

/// What a caller says of itself at its login.
struct Login {
  capnp::Data::Reader identity_key;
  capnp::Data::Reader signature;
  capnp::Data::Reader invitation;  // may be empty
};

class Access {
 public:
  Access(Store& store, const AccessPolicy& policy,
         const RateLimiter::Clock& clock = std::chrono::steady_clock::now);

  const AccessPolicy& policy() const { return policy_; }
  /// Throws Reason::unauthorized unless this is an open server.
  void require_open_calls() const;

  /// The identity, once it is proven and admitted. Throws, or fails with, `malformed`,
  /// `unauthorized` or `rate_limited`.
  kj::Promise<OwnerKey> log_in(const Peer& peer, const Login& login);

  /// What the operator says of an identity. One that is removed is shown out.
  kj::Promise<void> set_standing(const OwnerKey& identity, Standing standing);

  /// These throw Reason::rate_limited where it is too much.
  /// False where so many of the target's were taken, by whomever, that only its last resort is left
  /// for now: nobody can use up what it has.
  bool count_claim(const OwnerKey& requester, const OwnerKey& target);
  void count_log(const OwnerKey& maker);
  void count_delivery(const Peer& peer);

 private:
  kj::Promise<void> admit(const Peer& peer, const OwnerKey& identity,
                          const std::optional<TokenHash>& invitation);
  void count(RateLimiter& limiter, const std::string& key) const;

  Store& store_;
  const AccessPolicy policy_;
  LiveSessions live_sessions_;
  RateLimiter logins_;
  RateLimiter admissions_;
  RateLimiter claims_by_requester_;
  RateLimiter claims_of_target_;
  RateLimiter claims_of_pair_;
  RateLimiter logs_;
  RateLimiter deliveries_;
};

}  // namespace qnpc::server
