#include "server/authentication_service.h"

#include "server/parameters.h"

namespace qnpc::server {
namespace {

Bytes key_package(capnp::Data::Reader data) {
  Bytes package = at_most(data, limits::key_package_bytes, "the KeyPackage");
  if (package.empty()) throw Error(Reason::malformed, "the KeyPackage is empty");
  return package;
}

Fingerprint fingerprint_of(View package) {
  Bytes hash = crypto::digest(crypto::Hash::sha256, package);
  return exactly<Fingerprint>(as_data(hash), "SHA-256");
}

// Of those who call without a login: the first release knew no other.
constexpr CipherSuite first_suite = 1;

template <class Context>
kj::Promise<void> put(Store& store, Context context, const OwnerKey& identity, CipherSuite suite,
                      Bytes package) {
  Fingerprint fingerprint = fingerprint_of(package);
  return store.put_key_package(identity, suite, fingerprint, std::move(package))
      .then([context, fingerprint](Put) mutable {
        context.getResults().setFingerprint(as_data(fingerprint));
      });
}

template <class Context>
kj::Promise<void> answer(Context context, kj::Promise<std::optional<Bytes>> package) {
  return package.then([context](std::optional<Bytes>&& found) mutable {
    if (found) context.getResults().setPackage(as_data(*found));
  });
}

/// There may be single-use ones, which are spared.
std::optional<Bytes> require_some(std::optional<Bytes>&& last_resort) {
  if (last_resort) return std::move(last_resort);
  kj::throwFatalException(
      rpc::to_exception(Error(Reason::rate_limited,
                              "too many KeyPackages of this identity were taken, and it has "
                              "none of last resort. Try again in a minute")));
}

/// `may_use_up`: else only the last resort is handed out.
template <class Context>
kj::Promise<void> claim(Context context, Store& store, const OwnerKey& target, CipherSuite suite,
                        bool may_use_up) {
  if (may_use_up) return answer(context, store.take_key_package(target, suite));
  return answer(context, store.last_resort(target, suite).then([](auto&& found) {
    return require_some(std::move(found));
  }));
}

class Session final : public rpc::AuthenticationService::Session::Server {
 public:
  Session(const Foundation& foundation, Peer peer, const OwnerKey& identity)
      : foundation_(foundation), peer_(std::move(peer)), identity_(identity) {}

 protected:
  kj::Promise<void> uploadKeyPackage(UploadKeyPackageContext context) override {
    return peer_.calls->run(CallKind::upload_key_package, [&]() -> kj::Promise<void> {
      auto params = context.getParams();
      Bytes package = key_package(params.getPackage());
      const bool is_last_resort = params.getIsLastResort();
      const CipherSuite suite = params.getCipherSuite();
      context.releaseParams();
      foundation_.access.count_stored(peer_, package.size());
      if (!is_last_resort) {
        return put(foundation_.store, context, identity_, suite, std::move(package));
      }
      context.getResults().setFingerprint(as_data(fingerprint_of(package)));
      return foundation_.store.put_last_resort(identity_, suite, std::move(package));
    });
  }
  kj::Promise<void> countKeyPackages(CountKeyPackagesContext context) override {
    return peer_.calls->run(CallKind::count_key_packages, [&] {
      const CipherSuite suite = context.getParams().getCipherSuite();
      return foundation_.store.key_package_stock(identity_, suite)
          .then([context](KeyPackageStock stock) mutable {
            auto results = context.getResults();
            results.setCount(static_cast<uint32_t>(stock.count));
            results.setHasLastResort(stock.has_last_resort);
          });
    });
  }
  kj::Promise<void> fetchKeyPackage(FetchKeyPackageContext context) override {
    return peer_.calls->run(CallKind::fetch_key_package, [&] {
      auto params = context.getParams();
      OwnerKey target = owner_key(params.getIdentityKey(), "the identity key");
      const CipherSuite suite = params.getCipherSuite();
      const bool may_use_up = foundation_.access.count_claim(identity_, target);
      return claim(context, foundation_.store, target, suite, may_use_up);
    });
  }
  kj::Promise<void> dropKeyPackages(DropKeyPackagesContext context) override {
    return peer_.calls->run(CallKind::drop_key_packages, [&] {
      foundation_.access.count_change(identity_);
      return foundation_.store.drop_key_packages(identity_, context.getParams().getCipherSuite());
    });
  }

 private:
  const Foundation foundation_;
  const Peer peer_;
  const OwnerKey identity_;
};

}  // namespace

kj::Promise<void> AuthenticationService::exchange(ExchangeContext context) {
  return peer_.calls->run(CallKind::exchange, [&] { return exchange_envelope(context); });
}

kj::Promise<void> AuthenticationService::describe(DescribeContext context) {
  return peer_.calls->run(CallKind::describe,
                          [&] { return server::describe(context, foundation_); });
}

kj::Promise<void> AuthenticationService::uploadKeyPackage(UploadKeyPackageContext context) {
  return peer_.calls->run(CallKind::upload_key_package, [&] {
    foundation_.access.require_open_calls();
    auto params = context.getParams();
    OwnerKey identity = owner_key(params.getIdentityKey(), "the identity key");
    Bytes package = key_package(params.getPackage());
    context.releaseParams();
    foundation_.access.count_stored(peer_, package.size());
    return put(foundation_.store, context, identity, first_suite, std::move(package));
  });
}

kj::Promise<void> AuthenticationService::fetchKeyPackage(FetchKeyPackageContext context) {
  return peer_.calls->run(CallKind::fetch_key_package, [&] {
    foundation_.access.require_open_calls();
    OwnerKey identity = owner_key(context.getParams().getIdentityKey(), "the identity key");
    const bool may_use_up = foundation_.access.count_claim(as_view(peer_.host), identity);
    return claim(context, foundation_.store, identity, first_suite, may_use_up);
  });
}

kj::Promise<void> AuthenticationService::login(LoginContext context) {
  return peer_.calls->run(CallKind::login, [&] {
    auto params = context.getParams();
    Login login{params.getIdentityKey(), params.getSignature(), params.getInvitation()};
    return foundation_.access.log_in(peer_, login).then([this, context](OwnerKey identity) mutable {
      context.getResults().setSession(kj::heap<Session>(foundation_, peer_, identity));
    });
  });
}

}  // namespace qnpc::server
