// proposal: what a member may ask of the group. RFC 9420 12.1 and 8.4.
#pragma once

#include <variant>

#include "qnpc/mls/key_package.h"

namespace qnpc::mls {

/// Section 8.4. Resumption fields are empty for external PSKs and the other way round.
struct PreSharedKeyId {
  PskType psktype{};
  Bytes psk_id;                // external
  ResumptionPskUsage usage{};  // resumption
  Bytes psk_group_id;          // resumption
  uint64_t psk_epoch = 0;      // resumption
  Bytes psk_nonce;
  static PreSharedKeyId read(codec::Reader& r);
  void write(auto& w) const;
  friend bool operator==(const PreSharedKeyId&, const PreSharedKeyId&) = default;
};

struct Add {
  static constexpr ProposalType type = ProposalType::add;
  KeyPackage key_package;
  static auto wire(auto& m) { return std::tie(m.key_package); }
};
struct Update {
  static constexpr ProposalType type = ProposalType::update;
  LeafNode leaf_node;
  static auto wire(auto& m) { return std::tie(m.leaf_node); }
};
struct Remove {
  static constexpr ProposalType type = ProposalType::remove;
  LeafIndex removed{};
  static auto wire(auto& m) { return std::tie(m.removed); }
};
struct PreSharedKey {
  static constexpr ProposalType type = ProposalType::psk;
  PreSharedKeyId psk;
  static auto wire(auto& m) { return std::tie(m.psk); }
};
struct ReInit {
  static constexpr ProposalType type = ProposalType::reinit;
  Bytes group_id;
  ProtocolVersion version{};
  CipherSuite cipher_suite{};
  Extensions extensions;
  static auto wire(auto& m) {
    return std::tie(m.group_id, m.version, m.cipher_suite, m.extensions);
  }
};
struct ExternalInit {
  static constexpr ProposalType type = ProposalType::external_init;
  Bytes kem_output;
  static auto wire(auto& m) { return std::tie(m.kem_output); }
};
struct GroupContextExtensions {
  static constexpr ProposalType type = ProposalType::group_context_extensions;
  Extensions extensions;
  static auto wire(auto& m) { return std::tie(m.extensions); }
};

/// A proposal of the application's own, of a type in the range for private use (17.4). Its content
/// travels as `opaque data<V>`; every member must list the type in its capabilities.
struct Custom {
  ProposalType type{};
  Bytes data;
  static auto wire(auto& m) { return std::tie(m.data); }
};
inline constexpr uint16_t first_private_use = 0xf000;
constexpr bool is_private_use(ProposalType type) {
  return static_cast<uint16_t>(type) >= first_private_use;
}

struct Proposal {
  std::variant<Add, Update, Remove, PreSharedKey, ReInit, ExternalInit, GroupContextExtensions,
               Custom>
      content;

  ProposalType type() const;
  template <class T>
  const T* get() const {
    return std::get_if<T>(&content);
  }
  /// Rejects types that we do not know (unknown_proposal_type): their length is unknown too.
  static Proposal read(codec::Reader& r);
  void write(auto& w) const;
};

using ProposalRef = Bytes;

/// By value or by reference.
struct ProposalOrRef {
  std::variant<Proposal, ProposalRef> content;
  static ProposalOrRef read(codec::Reader& r);
  void write(auto& w) const;
};

void PreSharedKeyId::write(auto& w) const {
  codec::write(w, psktype);
  if (psktype == PskType::resumption) {
    codec::write(w, usage);
    codec::write(w, psk_group_id);
    codec::write(w, psk_epoch);
  } else {
    codec::write(w, psk_id);
  }
  codec::write(w, psk_nonce);
}

void Proposal::write(auto& w) const {
  codec::write(w, type());
  std::visit([&](const auto& proposal) { codec::write(w, proposal); }, content);
}

void ProposalOrRef::write(auto& w) const {
  w.u8(static_cast<uint8_t>(content.index() + 1));
  std::visit([&](const auto& either) { codec::write(w, either); }, content);
}

}  // namespace qnpc::mls
