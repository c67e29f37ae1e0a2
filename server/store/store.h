// store: what the services need from durable storage, and nothing of how it is done.
//
// Every call is atomic on one key (one identity or one inbox), so that one machine or a replicated
// engine can serve the same interface. Calls that change something resolve once that is durable.
// A failed call rejects with rpc::to_exception of an Error: `quota`, `overloaded` (neither was
// applied) or `unknown` (perhaps applied: repeat with the same id).
#pragma once

#include <kj/async.h>

#include <optional>
#include <vector>

#include "qnpc/base/bytes.h"

namespace qnpc::server {

using OwnerKey = ByteArray<32>;     // an Ed25519 public key: of an identity, or naming an inbox
using Fingerprint = ByteArray<32>;  // SHA-256 of a KeyPackage
using MessageId = ByteArray<16>;    // chosen by the sender at random

struct Entry {
  uint64_t sequence = 0;  // increases within one inbox, may have gaps, is never given twice
  Bytes payload;
};

struct Page {
  std::vector<Entry> entries;
  bool more = false;  // entries after the last one exist
};

enum class Put { stored, duplicate };

class Store {
 public:
  virtual ~Store() noexcept(false) = default;

  /// Stores a KeyPackage behind those that the identity has. `duplicate` where the fingerprint is
  /// remembered, also after the package was taken.
  virtual kj::Promise<Put> put_key_package(const OwnerKey& identity, const Fingerprint& fingerprint,
                                           Bytes package) = 0;
  /// Takes the oldest KeyPackage of the identity: each goes to one caller, also across a crash.
  virtual kj::Promise<std::optional<Bytes>> take_key_package(const OwnerKey& identity) = 0;

  /// Appends to an inbox. `duplicate` where the id is remembered, also after the entry was removed.
  virtual kj::Promise<Put> enqueue(const OwnerKey& inbox, const std::optional<MessageId>& id,
                                   Bytes payload) = 0;
  /// Removes and returns the oldest entries, at most limits::drain_bytes of them.
  virtual kj::Promise<std::vector<Bytes>> drain(const OwnerKey& inbox) = 0;
  /// The oldest entries after a sequence number. A `limit` of 0 asks for as many as one page holds.
  virtual kj::Promise<Page> read(const OwnerKey& inbox, uint64_t after, uint32_t limit) = 0;
  /// Removes the entries up to and including a sequence number; returns how many that were.
  virtual kj::Promise<uint64_t> acknowledge(const OwnerKey& inbox, uint64_t through) = 0;

  /// Makes one small durable change, and so proves that the store can. Returns how often so far.
  virtual kj::Promise<uint64_t> check_health() = 0;
};

}  // namespace qnpc::server
