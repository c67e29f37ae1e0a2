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

std::string text(const OwnerKey& key) { return std::string(key.begin(), key.end()); }

}  // namespace

Access::Access(Store& store, const AccessPolicy& policy, const RateLimiter::Clock& clock)
    : store_(store),
      policy_(policy),
      logins_(limits::logins, "too many logins from this address", clock),
      admissions_(limits::admissions, "too many new identities from this address", clock),
      claims_by_requester_(limits::claims_by_requester, "you have taken too many KeyPackages",
                           clock),
      claims_of_target_(limits::claims_of_target, "", clock),
      claims_of_pair_(limits::claims_of_pair,
                      "you have taken too many KeyPackages of this identity", clock),
      logs_(limits::logs_by_identity, "you have made too many groups", clock),
      deliveries_(limits::deliveries, "too many deliveries from this address", clock) {}

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
    case Registration::open: try { count(admissions_, peer.host);
      } catch (const Error& error) {
        return rpc::to_exception(error);
      }
      return store_.admit(identity);
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

bool Access::count_claim(const OwnerKey& requester, const OwnerKey& target) {
  // The target last, so that one who takes too many does not use up what others may take; the
  // requester first, so that one does not fill the memory with pairs.
  count(claims_by_requester_, text(requester));
  count(claims_of_pair_, text(requester) + text(target));
  return !policy_.rate_limits || claims_of_target_.try_take(text(target));
}

void Access::count_log(const OwnerKey& maker) { count(logs_, text(maker)); }

void Access::count_delivery(const Peer& peer) { count(deliveries_, peer.host); }

void Access::count(RateLimiter& limiter, const std::string& key) const {
  if (policy_.rate_limits) limiter.take(key);
}

}  // namespace qnpc::server
