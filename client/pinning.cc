#include "client/pinning.h"

namespace qnpc::client {

std::string_view name(Trust trust) {
  switch (trust) {
    case Trust::given: return "given";
    case Trust::pinned: return "pinned";
    case Trust::first_use: return "first_use";
    case Trust::unchecked: return "unchecked";
  }
  return "unchecked";
}

Pinning::Pinning(const std::string& given, State* state) : state_(state) {
  if (given.empty()) return;
  given_ = from_hex(given);
  if (!given_ || given_->size() != std::tuple_size_v<noise::PublicKey>) {
    throw Error(Reason::usage,
                "--server-key takes 64 hexadecimal digits: what "
                "`quicnprotochat-server --print-key` prints");
  }
}

void Pinning::check(const std::string& address, const noise::PublicKey& key) const {
  std::optional<Bytes> pinned = given_;
  if (!pinned && state_) pinned = state_->pins.get(address);
  if (!pinned || equal(*pinned, key)) return;
  std::string text = "the server at " + address + " is not the one that is expected.\n  expected " +
                     to_hex(*pinned) + "\n  shown    " + to_hex(key) + "\nNothing was sent to it. ";
  text += given_ ? "Check the address and --server-key"
                 : "Somebody may stand between you and your server. Only if its operator confirms "
                   "the new key, run:\n  quicnprotochat-client trust-server --server-key " +
                       to_hex(key);
  throw Error(Reason::pin_mismatch, text);
}

Trust Pinning::settle(const std::string& address, const noise::PublicKey& key) const {
  std::optional<Bytes> pinned;
  if (state_) pinned = state_->pins.get(address);
  if (state_ && !pinned) state_->pins.put(address, key);
  if (given_) return Trust::given;
  if (!state_) return Trust::unchecked;
  return pinned ? Trust::pinned : Trust::first_use;
}

}  // namespace qnpc::client
