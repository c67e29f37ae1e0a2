// access: who may do what, and how much of it. One for all threads.
#pragma once

#include <capnp/blob.h>
#include <kj/async.h>

#include <optional>

#include "server/limits.h"
#include "server/live_sessions.h"
#include "server/metrics.h"
#include "server/peer.h"
#include "server/rate_limiter.h"
#include "server/store/store.h"

namespace qnpc::server {

enum class Registration { open, invitation, closed };

struct Rates {
  limits::Rate handshakes = limits::handshakes_by_address;
  limits::Rate logins = limits::logins;
  limits::Rate admissions = limits::admissions;
  limits::Rate claims_by_requester = limits::claims_by_requester;
  limits::Rate claims_of_target = limits::claims_of_target;
  limits::Rate claims_of_pair = limits::claims_of_pair;
  limits::Rate logs = limits::logs_by_identity;
  limits::Rate changes = limits::changes_by_identity;
  limits::Rate deliveries = limits::deliveries;
  limits::Rate refusals = limits::refusals;
  limits::Rate stored_kib = limits::stored_kib;
};

struct AccessPolicy {
  bool open_calls = false;  // the calls that need no login are answered, for anybody's things
  Registration registration = Registration::open;
  bool rate_limits = true;
  Rates rates;
};

/// What a caller says of itself at its login.
struct Login {
  capnp::Data::Reader identity_key;
  capnp::Data::Reader signature;
  capnp::Data::Reader invitation;  // may be empty
};

class Access {
 public:
  Access(Store& store, const AccessPolicy& policy, Metrics& metrics,
         const RateLimiter::Clock& clock = std::chrono::steady_clock::now);

  const AccessPolicy& policy() const { return policy_; }
  /// Throws Reason::unauthorized unless this is an open server.
  void require_open_calls() const;

  /// The identity, once it is proven and admitted. Throws, or fails with, `malformed`,
  /// `unauthorized` or `rate_limited`.
  kj::Promise<OwnerKey> log_in(const Peer& peer, const Login& login);

  /// What the operator says of an identity. One that is removed is shown out.
  kj::Promise<void> set_standing(const OwnerKey& identity, Standing standing);

  /// These throw Reason::rate_limited where it is too much. Who calls is an identity or, on an open
  /// server, an address.
  void count_handshake(const std::string& host);
  /// False where so many of the target's were taken, by whomever, that only its last resort is left
  /// for now: nobody can use up what it has.
  bool count_claim(View requester, const OwnerKey& target);
  void count_log(View maker);
  /// That something is to be changed, durably, that takes no room.
  void count_change(View who);
  void count_delivery(const Peer& peer);
  /// That so many bytes are to be stored.
  void count_stored(const Peer& peer, size_t bytes);
  /// Throws where count_refusal() was called too often.
  void require_few_refusals(const Peer& peer);
  /// That a call with a token failed. Counts where the token was to blame. Does not throw.
  void count_refusal(const Peer& peer, Reason reason);

 private:
  kj::Promise<void> admit(const Peer& peer, const OwnerKey& identity,
                          const std::optional<TokenHash>& invitation);
  struct CountedRate {
    RateLimiter limiter;
    Limit limit;
  };
  void count(CountedRate& rate, const std::string& key, uint64_t count = 1) const;
  /// Counts the limit where the action is refused.
  template <class Action>
  void limited(Limit limit, Action&& action) const;

  Store& store_;
  const AccessPolicy policy_;
  Metrics& metrics_;
  LiveSessions live_sessions_;
  CountedRate handshakes_;
  CountedRate logins_;
  CountedRate admissions_;
  CountedRate claims_by_requester_;
  CountedRate claims_of_target_;
  CountedRate claims_of_pair_;
  CountedRate logs_;
  CountedRate changes_;
  CountedRate deliveries_;
  CountedRate refusals_;
  CountedRate stored_;
};

}  // namespace qnpc::server
