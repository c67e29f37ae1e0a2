// epoch_storage: an epoch as records. docs/group-storage.md.
//
// Readers throw Reason::corrupt, or what the decoders throw; Group::load makes one of it.
#pragma once

#include <set>

#include "qnpc/base/storage.h"
#include "qnpc/mls/epoch.h"

namespace qnpc::mls {

namespace record {
inline constexpr std::string_view header = "group";  // all others begin with it
inline constexpr std::string_view epoch = "group/epoch";
inline constexpr std::string_view proposals = "group/proposals";
inline constexpr std::string_view pending = "group/pending";
inline constexpr std::string_view pending_secrets = "group/pending/secret/";
std::string node(NodeIndex node);
std::string past(uint64_t epoch);
std::string secrets(uint64_t epoch);  // what the names of its secret tree's records begin with
}  // namespace record

/// Throws Reason::corrupt where there is none.
Secret require_record(const Storage& storage, std::string_view name);

template <class Body>
void put_record(Storage& storage, std::string_view name, Body&& body) {
  codec::SecretWriter w;
  body(w);
  storage.put(name, Secret(w.take()));
}

/// All but the nodes of the ratchet tree and the secret tree, which are records of their own.
void write_epoch(codec::SecretWriter& w, const Epoch& epoch);
/// The ratchet tree is blank, the secret tree empty.
Epoch read_epoch(codec::Reader& r);
/// That the parts belong to one epoch: the tree has the context's hash and holds our keys, and
/// secrets have the suite's length. `removed`: we are no member, and have no secrets.
void require_consistent_epoch(const Epoch& epoch, bool removed);

void save_nodes(Storage& storage, const RatchetTree& tree, const std::set<NodeIndex>& nodes);
/// The epoch that a group is in.
Epoch load_epoch(const Storage& storage, bool removed = false);

void save_past_epoch(Storage& storage, const PastEpoch& epoch);
PastEpoch load_past_epoch(const Storage& storage, const Suite& suite, uint64_t epoch);

}  // namespace qnpc::mls
