#include "client/pinning.h"

#include <algorithm>

namespace qnpc::client {
namespace {

constexpr size_t key_size = std::tuple_size_v<noise::PublicKey>;

noise::PublicKey parse_key(const std::string& hex) {
  const std::optional<Bytes> key = from_hex(hex);
  if (!key || key->size() != key_size) {
    throw Error(Reason::usage,
                "--server-key takes 64 hexadecimal digits: what "
                "`quicnprotochat-server --print-key` prints");
  }
  noise::PublicKey out;
  std::ranges::copy(*key, out.begin());
  return out;
}

}  // namespace

rpc::ServerAddress server_address(const Options& options) {
  return rpc::parse_server_address(options.server, rpc::authentication_port);
}

std::optional<rpc::ServerAddress> delivery_address(const Options& options) {
  if (options.ds_server.empty()) return std::nullopt;
  rpc::ServerAddress out = rpc::parse_server_address(options.ds_server, rpc::delivery_port);
  if (out.key) {
    throw Error(Reason::usage,
                "--ds-server takes HOST:PORT: a server has one key, which stands in --server");
  }
  return out;
}

std::optional<noise::PublicKey> given_key(const std::string& server_key,
                                          const rpc::ServerAddress& address) {
  if (server_key.empty()) return address.key;
  const noise::PublicKey key = parse_key(server_key);
  if (address.key && *address.key != key) {
    throw Error(Reason::usage, "the address names one key and --server-key another: leave out one");
  }
  return key;
}

std::optional<Pin> find_pin(const State& state, const std::string& address) {
  const std::optional<Bytes> value = state.pins.get(address);
  if (!value) return std::nullopt;
  if (value->size() < key_size) throw Error(Reason::corrupt, "a pinned key is too short");
  Pin pin;
  std::copy_n(value->begin(), key_size, pin.key.begin());
  // Before suites were pinned there was the key alone, and one suite.
  if (value->size() > key_size) pin.suite = noise::Suite{value->at(key_size)};
  // Likewise, before servers were asked where they listen.
  if (value->size() == key_size + 3) {
    pin.delivery_port = static_cast<uint16_t>(value->at(key_size + 1) << 8 | value->back());
  }
  return pin;
}

void put_pin(State& state, const std::string& address, const Pin& pin) {
  Bytes value = to_bytes(View(pin.key));
  value.push_back(static_cast<uint8_t>(pin.suite));
  value.push_back(static_cast<uint8_t>(pin.delivery_port >> 8));
  value.push_back(static_cast<uint8_t>(pin.delivery_port & 0xff));
  state.pins.put(address, value);
}

void note_delivery_port(State& state, const std::string& address, const noise::PublicKey& key,
                        uint16_t port) {
  std::optional<Pin> pin = find_pin(state, address);
  if (!pin || pin->key != key || pin->delivery_port == port) return;
  pin->delivery_port = port;
  put_pin(state, address, *pin);
}

std::string_view name(Trust trust) {
  switch (trust) {
    case Trust::given: return "given";
    case Trust::pinned: return "pinned";
    case Trust::first_use: return "first_use";
    case Trust::unchecked: return "unchecked";
  }
  return "unchecked";
}

CheckServerKey Pinning::check_for(const std::string& address) const {
  std::optional<Pin> pin, pin_of_given;
  if (state_) pin = find_pin(*state_, address);
  if (state_ && given_) pin_of_given = find_pin(*state_, to_hex(*given_));
  return [this, address, pin, pin_of_given](const noise::PublicKey& key) {
    check(address, pin, pin_of_given, key);
  };
}

void Pinning::check(const std::string& address, const std::optional<Pin>& pin,
                    const std::optional<Pin>& pin_of_given, const noise::PublicKey& key) const {
  for (const std::optional<Pin>& known : {pin, pin_of_given}) {
    if (known && known->key == key) check_suite(address, *known);
  }
  const View expected = given_ ? View(*given_) : pin ? View(pin->key) : View();
  if (expected.empty() || equal(expected, key)) return;
  std::string text = "the server at " + address + " is not the one that is expected.\n  expected " +
                     to_hex(expected) + "\n  shown    " + to_hex(key) +
                     "\nNothing was sent to it. ";
  text += given_
              ? "The expected key is the one that you gave, in the address or with --server-key. "
                "Get the server's address anew from its operator, not from whoever answers"
              : "Somebody may stand between you and your server. Only if its operator confirms "
                "the new key, run:\n  quicnprotochat-client trust-server --server " +
                    address + " --server-key " + to_hex(key);
  throw Error(Reason::pin_mismatch, text);
}

void Pinning::check_suite(const std::string& address, const Pin& pin) const {
  if (pin.suite == noise::Suite::classic || suite_ == noise::Suite::hybrid) return;
  throw Error(Reason::pin_mismatch,
              "the server at " + address +
                  " has spoken the hybrid handshake with you, and a classic one would give up what "
                  "that protects.\nNothing was sent to it. Leave out --noise classic, or "
                  "QUICNPROTOCHAT_NOISE. Only if its operator confirms that it speaks hybrid no "
                  "more, run:\n  quicnprotochat-client trust-server --noise classic --server " +
                  address + " --server-key " + to_hex(pin.key));
}

Trust Pinning::settle(const std::string& address, const noise::PublicKey& key) const {
  if (!state_) return given_ ? Trust::given : Trust::unchecked;
  const std::optional<Pin> pinned = find_pin(*state_, address);
  const std::string name = pinned && pinned->key != key ? to_hex(key) : address;
  const std::optional<Pin> known = find_pin(*state_, name);
  const bool is_better =
      known && known->suite == noise::Suite::classic && suite_ == noise::Suite::hybrid;
  if (!known || is_better) {
    put_pin(*state_, name, {key, suite_, known ? known->delivery_port : uint16_t{0}});
  }
  if (given_) return Trust::given;
  return pinned ? Trust::pinned : Trust::first_use;
}

}  // namespace qnpc::client
