// admin_service: schemas/admin.capnp on a Unix socket in the data directory, in a thread of its
// own.
#pragma once

#include <string>

#include "server/access.h"
#include "server/loop_thread.h"

namespace qnpc::server {

class AdminService {
 public:
  /// Serves when it is constructed. Throws kj::Exception where the socket cannot be made.
  AdminService(Store& store, Access& access, std::string socket_path);

 private:
  void run(kj::AsyncIoContext& io, const std::function<void()>& ready, kj::Promise<void> stop);

  Store& store_;
  Access& access_;
  const std::string socket_path_;
  LoopThread thread_;
};

}  // namespace qnpc::server
