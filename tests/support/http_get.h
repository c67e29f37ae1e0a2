// http_get: one HTTP request over a plain socket, for tests.
#pragma once

#include <kj/async-io.h>

#include <string>

namespace qnpc::test {

/// The whole response to these bytes.
inline std::string http_exchange(kj::AsyncIoContext& io, const std::string& address,
                                 const std::string& request) {
  auto socket = io.provider->getNetwork()
                    .parseAddress(address.c_str())
                    .wait(io.waitScope)
                    ->connect()
                    .wait(io.waitScope);
  socket->write(request.data(), request.size()).wait(io.waitScope);
  return socket->readAllText().wait(io.waitScope).cStr();
}

inline std::string http_get(kj::AsyncIoContext& io, const std::string& address,
                            const std::string& path) {
  return http_exchange(io, address, "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
}

}  // namespace qnpc::test
