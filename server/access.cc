#include "server/access.h"

#include "qnpc/crypto/hash.h"
#include "qnpc/crypto/signature.h"
#include "schemas/login.h"
#include "server/parameters.h"

namespace qnpc::server {
namespace {

std::string text(const OwnerKey& key) { return std::string(key.begin(), key.end()); }

}  // namespace

Access::Access(Store& store, const AccessPolicy& policy, const RateLimiter::Clock& clock)
    : store_(store),
      policy_(policy),
      logins_(limits::logins, "too many logins from this address", clock),
      claims_by_requester_(limits::claims_by_requester, "you have taken too many KeyPackages",
                           clock),
      claims_of_target_(limits::claims_of_target,
                        "too many KeyPackages of this identity were taken", clock),
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
  return admit(identity, invitation).then([identity] { return identity; });
}

kj::Promise<void> Access::admit(const OwnerKey& identity,
                                const std::optional<TokenHash>& invitation) {
  if (policy_.registration == Registration::open) return kj::READY_NOW;
  return store_.is_admitted(identity).then([=, this](bool is_admitted) -> kj::Promise<void> {
    if (is_admitted) return kj::READY_NOW;
    if (policy_.registration == Registration::closed) {
      return rpc::to_exception(Error(Reason::unauthorized,
                                     "this server admits only those whom its operator has named. "
                                     "Ask for " +
                                         to_hex(identity) + " to be added"));
    }
    if (!invitation) {
      return rpc::to_exception(Error(Reason::unauthorized,
                                     "this server admits who is invited. Ask its operator for an "
                                     "invitation, and register with it"));
    }
    return store_.use_invitation(*invitation, identity).then([this, identity] {
      return store_.set_admitted(identity, true);
    });
  });
}

void Access::count_claim(const OwnerKey& requester, const OwnerKey& target) {
  // The pair first, so that one who takes too many does not use up what others may take.
  count(claims_of_pair_, text(requester) + text(target));
  count(claims_by_requester_, text(requester));
  count(claims_of_target_, text(target));
}

void Access::count_log(const OwnerKey& maker) { count(logs_, text(maker)); }

void Access::count_delivery(const Peer& peer) { count(deliveries_, peer.host); }

void Access::count(RateLimiter& limiter, const std::string& key) const {
  if (policy_.rate_limits) limiter.take(key);
}

}  // namespace qnpc::server
