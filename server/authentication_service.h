// authentication_service: schemas/auth.capnp for one connection.
#pragma once

#include "schemas/auth.capnp.h"
#include "server/service.h"

namespace qnpc::server {

class AuthenticationService final : public rpc::AuthenticationService::Server {
 public:
  AuthenticationService(const Foundation& foundation, Peer peer)
      : foundation_(foundation), peer_(std::move(peer)) {}

 protected:
  kj::Promise<void> exchange(ExchangeContext context) override;
  kj::Promise<void> describe(DescribeContext context) override;
  kj::Promise<void> uploadKeyPackage(UploadKeyPackageContext context) override;
  kj::Promise<void> fetchKeyPackage(FetchKeyPackageContext context) override;
  kj::Promise<void> login(LoginContext context) override;

 private:
  const Foundation foundation_;
  const Peer peer_;
};

}  // namespace qnpc::server
