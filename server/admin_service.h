// admin_service: schemas/admin.capnp on a Unix socket in the data directory, in a thread of its
// own.
#pragma once

#include <kj/async-io.h>

#include <future>
#include <string>
#include <thread>

#include "server/store/store.h"

namespace qnpc::server {

class AdminService {
 public:
  /// Serves when it is constructed. Throws kj::Exception where the socket cannot be made.
  AdminService(Store& store, const std::string& socket_path);
  AdminService(const AdminService&) = delete;
  AdminService& operator=(const AdminService&) = delete;
  ~AdminService();

 private:
  void run(Store& store, const std::string& socket_path, std::promise<void>& ready);

  kj::Own<kj::CrossThreadPromiseFulfiller<void>> stop_;
  std::thread thread_;
};

}  // namespace qnpc::server
