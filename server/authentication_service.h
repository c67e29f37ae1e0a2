// authentication_service: schemas/auth.capnp for one connection.
#pragma once

#include "schemas/auth.capnp.h"
#include "server/call_gate.h"
#include "server/store/store.h"

namespace qnpc::server {

class AuthenticationService final : public rpc::AuthenticationService::Server {
 public:
  AuthenticationService(Store& store, std::shared_ptr<CallGate> calls)
      : store_(store), calls_(std::move(calls)) {}

 protected:
  kj::Promise<void> exchange(ExchangeContext context) override;
  kj::Promise<void> uploadKeyPackage(UploadKeyPackageContext context) override;
  kj::Promise<void> fetchKeyPackage(FetchKeyPackageContext context) override;

 private:
  Store& store_;
  std::shared_ptr<CallGate> calls_;
};

}  // namespace qnpc::server
