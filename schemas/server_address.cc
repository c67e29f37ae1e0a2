#include "schemas/server_address.h"

#include <algorithm>
#include <charconv>

#include "qnpc/base/base64url.h"
#include "qnpc/base/error.h"

namespace qnpc::rpc {
namespace {

constexpr std::string_view scheme = "qnpc://";
constexpr size_t longest_host = 253;  // of a name, RFC 1035 2.3.4 without the root's dot
constexpr std::string_view name_characters = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
constexpr std::string_view ipv6_characters = "abcdef0123456789:.";

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw Error(Reason::usage, "'" + std::string(text) + "' is no server's address: " + why);
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool consists_of(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

ByteArray<32> parse_key(std::string_view text, std::string_view key) {
  const std::optional<Bytes> bytes = from_base64url(key);
  ByteArray<32> out;
  if (!bytes || bytes->size() != out.size()) {
    refuse(text, "the key behind the last / has 43 letters, digits, - and _. Copy all of it");
  }
  std::ranges::copy(*bytes, out.begin());
  return out;
}

uint16_t parse_port(std::string_view text, std::string_view port) {
  uint16_t out = 0;
  const char* end = port.data() + port.size();
  auto [rest, fault] = std::from_chars(port.data(), end, out);
  if (fault != std::errc() || rest != end || out == 0) {
    refuse(text, "a port is a number from 1 to 65535");
  }
  return out;
}

// Of the machine that reads it, and so as it writes them: "fe80::1%eth0" (RFC 4007 11).
constexpr std::string_view zone_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

// In lower case but for a zone; empty where it is no host.
std::string host_in(std::string_view text, bool is_ipv6) {
  const size_t percent = is_ipv6 ? text.find('%') : std::string_view::npos;
  const std::string host = lower_case(text.substr(0, percent));
  if (host.empty() || text.size() > longest_host) return {};
  if (!consists_of(host, is_ipv6 ? ipv6_characters : name_characters)) return {};
  if (percent == std::string_view::npos) return host;
  const std::string_view zone = text.substr(percent + 1);
  if (zone.empty() || !consists_of(zone, zone_characters)) return {};
  return host + "%" + std::string(zone);
}

// Takes the host from the front of `rest`; what is left is empty or ":PORT".
std::string take_host(std::string_view text, std::string_view& rest) {
  const bool is_ipv6 = rest.starts_with('[');
  const size_t end = is_ipv6 ? rest.find(']') : std::min(rest.find(':'), rest.size());
  if (end == std::string_view::npos) refuse(text, "the bracket of the IPv6 address is not closed");
  const std::string host = host_in(rest.substr(is_ipv6, end - is_ipv6), is_ipv6);
  rest.remove_prefix(end + is_ipv6);
  if (host.empty()) refuse(text, "write HOST:PORT, [IPV6]:PORT or qnpc://HOST:PORT/KEY");
  return host;
}

}  // namespace

std::string ServerAddress::host_and_port() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string ServerAddress::to_text() const {
  return std::string(scheme) + host_and_port() + "/" + to_base64url(key.value());
}

ServerAddress parse_server_address(std::string_view text, uint16_t default_port) {
  ServerAddress out;
  std::string_view rest = text;
  if (rest.starts_with(scheme)) {
    rest.remove_prefix(scheme.size());
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos) refuse(text, "the key is missing: qnpc://HOST:PORT/KEY");
    out.key = parse_key(text, rest.substr(slash + 1));
    rest = rest.substr(0, slash);
  }
  out.host = take_host(text, rest);
  if (!rest.empty() && rest.front() != ':') refuse(text, "behind the ] comes :PORT");
  out.port = rest.empty() ? default_port : parse_port(text, rest.substr(1));
  return out;
}

}  // namespace qnpc::rpc
