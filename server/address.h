// address: where to listen, from text to sockets.
#pragma once

#include <kj/io.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "schemas/server_address.h"

namespace qnpc::server {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

/// "127.0.0.1:7000", "[::1]:7000" or "name:7000"; a name stands for the first of its addresses.
/// Throws Reason::usage where the text has another shape or the name is unknown.
Address resolve(const std::string& text);
/// In the same shape, in numbers.
std::string to_text(const Address& address);

/// Whether only this machine reaches it.
bool is_loopback(const Address& address);
uint16_t port_of(const Address& address);

/// Sockets that listen on one address together: the kernel spreads connections over them. Port 0
/// becomes one that is free. Throws Reason::io where the address is not ours or in use.
std::vector<kj::AutoCloseFd> listen_on(const Address& address, size_t sockets);
Address local_address(int socket);

/// Throws Reason::usage for what clients could not use as a public address; empty is none.
void check_public_address(const std::string& given);
/// Where clients reach the service that listens at `bound`: what the operator `given` as HOST or
/// HOST:PORT or, where that is empty, the host that `listen` names. Nothing where that stands for
/// all addresses of the machine, or is one that others cannot use. Without a key. Throws
/// Reason::usage for what is given.
std::optional<rpc::ServerAddress> public_address(const std::string& given,
                                                 const std::string& listen, const Address& bound);

}  // namespace qnpc::server
