// entries: pages of the store as schemas/delivery.capnp has them.
#pragma once

#include "schemas/delivery.capnp.h"
#include "server/parameters.h"

namespace qnpc::server {

/// So that a message is one allocation: the payloads, and for each its fields and padding.
inline capnp::MessageSize message_size(size_t payload_bytes, size_t payloads) {
  return {payload_bytes / sizeof(capnp::word) + 6 * payloads + 16, 0};
}
inline capnp::MessageSize message_size(const Page& page) {
  return message_size(payload_bytes(page), page.entries.size());
}

inline void set_entry(rpc::DeliveryService::Entry::Builder out, const Entry& entry) {
  out.setSequence(entry.sequence);
  out.setPayload(as_data(entry.payload));
}
inline void set_entry(rpc::DeliveryService::LogEntry::Builder out, const Entry& entry) {
  out.setSequence(entry.sequence);
  out.setEpoch(entry.epoch);
  out.setIsCommit(entry.is_commit);
  out.setPayload(as_data(entry.payload));
}

/// Sets what all answers and pushes with entries have.
template <class Builder>
void set_entries(Builder&& out, const Page& page) {
  out.setExpiredThrough(page.expired_through);
  auto list = out.initEntries(static_cast<capnp::uint>(page.entries.size()));
  for (capnp::uint i = 0; i < list.size(); ++i) set_entry(list[i], page.entries[i]);
}

}  // namespace qnpc::server
