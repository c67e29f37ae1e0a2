#include "server/access.h"

#include "qnpc/crypto/hash.h"
#include "qnpc/crypto/signature.h"
#include "schemas/login.h"
#include "schemas/rpc_error.h"
#include "server/parameters.h"

namespace qnpc::server {
namespace {

kj::Exception refusal(const std::string& reason) {
  return rpc::to_exception(Error(Reason::unauthorized, reason));
}

std::string text(View key) { return std::string(key.begin(), key.end()); }

}  // namespace

Access::Access(Store& store, const AccessPolicy& policy, Metrics& metrics,
               const RateLimiter::Clock& clock)
    : store_(store),
      policy_(policy),
      metrics_(metrics),
      handshakes_{{policy.rates.handshakes, "too many connections from this address", clock},
                  Limit::handshakes_rate},
      logins_{{policy.rates.logins, "too many logins from this address", clock},
              Limit::logins_rate},
      admissions_{{policy.rates.admissions, "too many new identities from this address", clock},
                  Limit::admissions_rate},
      claims_by_requester_{
          {policy.rates.claims_by_requester, "you have taken too many KeyPackages", clock},
          Limit::claims_rate},
      claims_of_target_{{policy.rates.claims_of_target, "", clock}, Limit::claims_of_one_rate},
      claims_of_pair_{{policy.rates.claims_of_pair,
                       "you have taken too many KeyPackages of this identity", clock},
                      Limit::claims_of_pair_rate},
      logs_{{policy.rates.logs, "you have made too many groups", clock}, Limit::logs_rate},
      changes_{{policy.rates.changes, "too many changes", clock}, Limit::changes_rate},
      deliveries_{{policy.rates.deliveries, "too many deliveries from this address", clock},
                  Limit::deliveries_rate},
      refusals_{{policy.rates.refusals, "too many wrong tokens from this address", clock},
                Limit::refusals_rate},
      stored_{{policy.rates.stored_kib, "too much to store from this address", clock},
              Limit::stored_rate} {}

template <class Action>
void Access::limited(Limit limit, Action&& action) const {
  try {
    action();
  } catch (const Error&) {
    metrics_.limits_hit[limit].add();
    throw;
  }
}

void Access::require_open_calls() const {
  if (policy_.open_calls) return;
  throw Error(Reason::unauthorized,
              "this call needs a login: the server answers it without one only when it is started "
              "with --open");
}

kj::Promise<OwnerKey> Access::log_in(const Peer& peer, const Login& login) {
  OwnerKey identity = owner_key(login.identity_key, "the identity key");
  std::optional<TokenHash> invitation;
  if (login.invitation.size() > 0) invitation = hash_of_token(login.invitation, "the invitation");
  count(logins_, peer.host);
  Bytes message = rpc::login_message(peer.handshake_hash);
  if (!crypto::verify(crypto::SignatureScheme::ed25519, identity, message, login.signature)) {
    throw Error(Reason::unauthorized, "the signature does not prove this identity here");
  }
  // Before its standing is read, so that whoever is removed after that is shown out.
  peer.calls->log_in(live_sessions_, identity);
  return store_.standing(identity).then([=, this](Standing standing) -> kj::Promise<OwnerKey> {
    switch (standing) {
      case Standing::admitted: return identity;
      case Standing::unknown:
        return admit(peer, identity, invitation).then([identity] { return identity; });
      case Standing::removed: break;
    }
    return refusal("this server's operator has removed " + to_hex(identity) +
                   ". Ask for it to be added again");
  });
}

/// One that is new here. It is remembered also where everybody is admitted, so that it stays when
/// the operator changes that.
kj::Promise<void> Access::admit(const Peer& peer, const OwnerKey& identity,
                                const std::optional<TokenHash>& invitation) {
  switch (policy_.registration) {
    case Registration::open:
      return rpc::answered([&] {
        count(admissions_, peer.host);
        return store_.admit(identity);
      });
    case Registration::invitation: break;
    case Registration::closed:
      return refusal("this server admits only those whom its operator has named. Ask for " +
                     to_hex(identity) + " to be added");
  }
  if (!invitation) {
    return refusal(
        "this server admits who is invited. Ask its operator for an invitation, and register with "
        "it");
  }
  return store_.use_invitation(*invitation, identity).then([this, identity] {
    return store_.admit(identity);
  });
}

kj::Promise<void> Access::set_standing(const OwnerKey& identity, Standing standing) {
  return store_.set_standing(identity, standing).then([=, this] {
    if (standing == Standing::removed) live_sessions_.remove(identity);
  });
}

void Access::count_handshake(const std::string& host) { count(handshakes_, host); }

bool Access::count_claim(View requester, const OwnerKey& target) {
  // The target last, so that one who takes too many does not use up what others may take; the
  // requester first, so that one does not fill the memory with pairs.
  count(claims_by_requester_, text(requester));
  count(claims_of_pair_, text(requester) + text(target));
  if (!policy_.rate_limits || claims_of_target_.limiter.try_take(text(target))) return true;
  metrics_.limits_hit[claims_of_target_.limit].add();
  return false;
}

void Access::count_log(View maker) { count(logs_, text(maker)); }

void Access::count_change(View who) { count(changes_, text(who)); }

void Access::count_delivery(const Peer& peer) { count(deliveries_, peer.host); }

void Access::count_stored(const Peer& peer, size_t bytes) {
  count(stored_, peer.host, 1 + (bytes + limits::row_bytes) / 1024);
}

void Access::require_few_refusals(const Peer& peer) {
  if (!policy_.rate_limits) return;
  limited(refusals_.limit, [&] { refusals_.limiter.require(peer.host); });
}

void Access::count_refusal(const Peer& peer, Reason reason) {
  if (reason != Reason::unauthorized && reason != Reason::not_found) return;
  refusals_.limiter.charge(peer.host);
}

void Access::count(CountedRate& rate, const std::string& key, uint64_t count) const {
  if (!policy_.rate_limits) return;
  limited(rate.limit, [&] { rate.limiter.take(key, count); });
}

}  // namespace qnpc::server
