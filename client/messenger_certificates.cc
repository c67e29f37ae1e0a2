// Certificates: what we show of ourselves, and groups that ask for those of a CA.
#include "client/messenger.h"
#include "client/output.h"
#include "qnpc/crypto/x509.h"

namespace qnpc::client {

void Messenger::certify(const std::vector<Bytes>& chain) {
  crypto::require_certified_key(chain.at(0), crypto::SignatureScheme::ed25519, identity_key());
  transact([&] {
    state_.set_certificates(chain);
    key_packages_.renew();  // they show what we showed before
  });
  identity_ = identity_.with_certificates(chain);
}

std::map<Bytes, std::string> Messenger::certified_names(const Group& group) {
  const bool were_judged = !group.ca.empty() && group.accepted;
  if (!were_judged) return {};
  return member(group.ref).certified_names();
}

// What is refused has changed `member` alone, which the caller forgets. `at`: see uncertified().
void Messenger::require_certificates(group::GroupMember& member, const std::vector<Bytes>& ca,
                                     std::optional<UnixTime> at) {
  if (ca.empty()) return;
  member.require_certificates(ca);
  const std::optional<group::Uncertified> found = member.uncertified(at);
  if (!found) return;
  const bool is_ours = equal(found->identity_key, identity_key());
  throw Error(is_ours ? Reason::usage : Reason::rejected,
              is_ours ? "your own certificate will not do (" + found->why +
                            "). Run `register --cert FILE` with one of this CA, then try again"
                      : "the certificate of the member " + short_key(found->identity_key) +
                            " will not do: " + found->why);
}

}  // namespace qnpc::client
