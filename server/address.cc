#include "server/address.h"

#include <netdb.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "qnpc/base/error.h"
#include "server/limits.h"

namespace qnpc::server {
namespace {

[[noreturn]] void fail(const Address& address, const std::string& what) {
  std::string why = strerror(errno);
  if (errno == EADDRINUSE) {
    why += ". Another program listens there: stop it, or choose another port";
  }
  if (errno == EACCES) why += ". Ports below 1024 need a privilege: choose another one";
  throw Error(Reason::io, "cannot " + what + " on " + to_text(address) + ": " + why);
}

void set_option(int socket, int level, int option, const Address& address) {
  int on = 1;
  if (setsockopt(socket, level, option, &on, sizeof(on)) != 0) fail(address, "set up a socket");
}

kj::AutoCloseFd bind_socket(const Address& address, bool share_port) {
  int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  kj::AutoCloseFd socket(::socket(address.storage.ss_family, type, 0));
  if (socket.get() < 0) fail(address, "make a socket");
  // A restart must not wait for the connections of before to time out.
  set_option(socket, SOL_SOCKET, SO_REUSEADDR, address);
  if (share_port) set_option(socket, SOL_SOCKET, SO_REUSEPORT, address);
  if (bind(socket, address.get(), address.size) != 0) fail(address, "listen");
  return socket;
}

bool is_wildcard(const Address& address) {
  if (address.storage.ss_family == AF_INET6) {
    const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(address.get());
    return IN6_IS_ADDR_UNSPECIFIED(&ipv6->sin6_addr);
  }
  return reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr.s_addr == INADDR_ANY;
}

// Where that is a host for others too: no zone, which is this machine's own, nor what the system
// resolves and no address can be written with.
std::optional<rpc::ServerAddress> listen_address(const std::string& listen, const Address& bound) {
  const std::string host = listen.substr(0, listen.rfind(':'));
  if (is_wildcard(bound) || host.find('%') != std::string::npos) return std::nullopt;
  try {
    return rpc::parse_server_address(host, port_of(bound));
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

Address resolve(const std::string& text) {
  size_t colon = text.rfind(':');
  std::string host = text.substr(0, colon == std::string::npos ? 0 : colon);
  bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || (!bracketed && host.find(':') != std::string::npos)) {
    throw Error(Reason::usage, "'" + text + "' is no address: write HOST:PORT, or [IPV6]:PORT");
  }
  std::string port = text.substr(colon + 1);
  bool digits = !port.empty() && port.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || port.size() > 5 || std::stoul(port) > 65535) {
    throw Error(Reason::usage, "'" + text + "' has no port from 0 to 65535 at its end");
  }

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (code != 0) {
    throw Error(Reason::usage, "cannot find the address of '" + host + "': " + gai_strerror(code));
  }
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  return address;
}

bool is_loopback(const Address& address) {
  if (address.storage.ss_family == AF_INET6) {
    return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr);
  }
  constexpr uint32_t loopback_network = 127;  // 127.0.0.0/8
  return ntohl(reinterpret_cast<const sockaddr_in*>(address.get())->sin_addr.s_addr) >> 24 ==
         loopback_network;
}

uint16_t port_of(const Address& address) {
  if (address.storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in*>(address.get())->sin_port);
}

std::string to_text(const Address& address) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  int code = getnameinfo(address.get(), address.size, host, sizeof(host), port, sizeof(port),
                         NI_NUMERICHOST | NI_NUMERICSERV);
  if (code != 0) return "(unknown)";
  std::string text = host;
  if (address.storage.ss_family == AF_INET6) text.insert(0, 1, '[').push_back(']');
  return text + ":" + port;
}

std::vector<kj::AutoCloseFd> listen_on(const Address& address, size_t sockets) {
  // Sharing a port succeeds also with another process of the same user: so first ask without.
  Address chosen = local_address(bind_socket(address, false));
  std::vector<kj::AutoCloseFd> all;
  while (all.size() < sockets) {
    kj::AutoCloseFd socket = bind_socket(chosen, true);
    if (listen(socket, limits::listen_backlog) != 0) fail(chosen, "listen");
    all.push_back(kj::mv(socket));
  }
  return all;
}

Address local_address(int socket) {
  Address address;
  if (getsockname(socket, address.get(), &address.size) != 0) fail(address, "find out the port");
  return address;
}

void check_public_address(const std::string& given) {
  if (given.empty()) return;
  constexpr uint16_t any_port = 7000;
  if (rpc::parse_server_address(given, any_port).key) {
    throw Error(Reason::usage, "--public-address takes HOST or HOST:PORT, without a key");
  }
}

std::optional<rpc::ServerAddress> public_address(const std::string& given,
                                                 const std::string& listen, const Address& bound) {
  if (given.empty()) return listen_address(listen, bound);
  check_public_address(given);
  return rpc::parse_server_address(given, port_of(bound));
}

}  // namespace qnpc::server
