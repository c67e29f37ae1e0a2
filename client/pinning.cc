#include "client/pinning.h"

#include <algorithm>

namespace qnpc::client {
namespace {

constexpr size_t key_size = std::tuple_size_v<noise::PublicKey>;

}  // namespace

std::optional<Pin> find_pin(const State& state, const std::string& address) {
  const std::optional<Bytes> value = state.pins.get(address);
  if (!value) return std::nullopt;
  if (value->size() < key_size) throw Error(Reason::corrupt, "a pinned key is too short");
  Pin pin;
  std::copy_n(value->begin(), key_size, pin.key.begin());
  // Before suites were pinned there was the key alone, and one suite.
  if (value->size() > key_size) pin.suite = noise::Suite{value->back()};
  return pin;
}

void put_pin(State& state, const std::string& address, const Pin& pin) {
  Bytes value = to_bytes(View(pin.key));
  value.push_back(static_cast<uint8_t>(pin.suite));
  state.pins.put(address, value);
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

Pinning::Pinning(const std::string& given, noise::Suite suite, State* state)
    : suite_(suite), state_(state) {
  if (given.empty()) return;
  given_ = from_hex(given);
  if (!given_ || given_->size() != key_size) {
    throw Error(Reason::usage,
                "--server-key takes 64 hexadecimal digits: what "
                "`quicnprotochat-server --print-key` prints");
  }
}

CheckServerKey Pinning::check_for(const std::string& address) const {
  std::optional<Pin> pin;
  if (state_) pin = find_pin(*state_, address);
  return [this, address, pin](const noise::PublicKey& key) { check(address, pin, key); };
}

void Pinning::check(const std::string& address, const std::optional<Pin>& pin,
                    const noise::PublicKey& key) const {
  if (pin && pin->key == key) check_suite(address, *pin);
  const View expected = given_ ? View(*given_) : pin ? View(pin->key) : View();
  if (expected.empty() || equal(expected, key)) return;
  std::string text = "the server at " + address + " is not the one that is expected.\n  expected " +
                     to_hex(expected) + "\n  shown    " + to_hex(key) +
                     "\nNothing was sent to it. ";
  text += given_ ? "Check the address and --server-key"
                 : "Somebody may stand between you and your server. Only if its operator confirms "
                   "the new key, run:\n  quicnprotochat-client trust-server --server-key " +
                       to_hex(key);
  throw Error(Reason::pin_mismatch, text);
}

void Pinning::check_suite(const std::string& address, const Pin& pin) const {
  if (pin.suite == noise::Suite::classic || suite_ == noise::Suite::hybrid) return;
  throw Error(Reason::pin_mismatch,
              "the server at " + address +
                  " has spoken the hybrid handshake with you, and a classic one would give up what "
                  "that protects.\nNothing was sent to it. Leave out --noise classic. Only if its "
                  "operator confirms that it speaks hybrid no more, run:\n"
                  "  quicnprotochat-client trust-server --noise classic --server-key " +
                  to_hex(pin.key));
}

Trust Pinning::settle(const std::string& address, const noise::PublicKey& key) const {
  std::optional<Pin> pinned;
  if (state_) pinned = find_pin(*state_, address);
  const bool is_better = pinned && pinned->key == key && pinned->suite == noise::Suite::classic &&
                         suite_ == noise::Suite::hybrid;
  if (state_ && (!pinned || is_better)) put_pin(*state_, address, {key, suite_});
  if (given_) return Trust::given;
  if (!state_) return Trust::unchecked;
  return pinned ? Trust::pinned : Trust::first_use;
}

}  // namespace qnpc::client
