#include "server/authentication_service.h"

#include "qnpc/crypto/hash.h"
#include "server/envelope_exchange.h"
#include "server/parameters.h"

namespace qnpc::server {

kj::Promise<void> AuthenticationService::exchange(ExchangeContext context) {
  return calls_->run([&] { return exchange_envelope(context); });
}

kj::Promise<void> AuthenticationService::uploadKeyPackage(UploadKeyPackageContext context) {
  return calls_->run([&] {
    auto params = context.getParams();
    OwnerKey identity = owner_key(params.getIdentityKey(), "the identity key");
    Bytes package = at_most(params.getPackage(), limits::key_package_bytes, "the KeyPackage");
    if (package.empty()) throw Error(Reason::malformed, "the KeyPackage is empty");
    context.releaseParams();

    Bytes hash = crypto::digest(crypto::Hash::sha256, package);
    auto fingerprint = exactly<Fingerprint>(as_data(hash), "SHA-256");
    return store_.put_key_package(identity, fingerprint, std::move(package))
        .then([context, fingerprint](Put) mutable {
          context.getResults().setFingerprint(as_data(fingerprint));
        });
  });
}

kj::Promise<void> AuthenticationService::fetchKeyPackage(FetchKeyPackageContext context) {
  return calls_->run([&] {
    OwnerKey identity = owner_key(context.getParams().getIdentityKey(), "the identity key");
    return store_.take_key_package(identity).then(
        [context](std::optional<Bytes>&& package) mutable {
          if (package) context.getResults().setPackage(as_data(*package));
        });
  });
}

}  // namespace qnpc::server
