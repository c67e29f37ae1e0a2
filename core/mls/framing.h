// framing: messages and their content. RFC 9420 section 6, wire structs only; message_protection
// signs, encrypts and verifies them.
#pragma once

#include "qnpc/mls/proposal.h"
#include "qnpc/mls/tree_kem.h"

namespace qnpc::mls {

/// Section 8.1.
struct GroupContext {
  ProtocolVersion version = ProtocolVersion::mls10;
  CipherSuite cipher_suite{};
  Bytes group_id;
  uint64_t epoch = 0;
  Bytes tree_hash;
  Bytes confirmed_transcript_hash;
  Extensions extensions;
  static auto wire(auto& m) {
    return std::tie(m.version, m.cipher_suite, m.group_id, m.epoch, m.tree_hash,
                    m.confirmed_transcript_hash, m.extensions);
  }
  friend bool operator==(const GroupContext&, const GroupContext&) = default;
};

/// Section 12.4.
struct Commit {
  std::vector<ProposalOrRef> proposals;
  std::optional<UpdatePath> path;
  static auto wire(auto& m) { return std::tie(m.proposals, m.path); }
};

struct Sender {
  SenderType sender_type = SenderType::member;
  uint32_t index = 0;  // leaf index of a member, sender index of an external sender
  LeafIndex leaf_index() const { return LeafIndex{index}; }
  static Sender read(codec::Reader& r);
  void write(auto& w) const;
  friend bool operator==(const Sender&, const Sender&) = default;
};

/// The last field of a FramedContent, in the order of ContentType.
using Content = std::variant<Bytes, Proposal, Commit>;
Content read_content(ContentType type, codec::Reader& r);
void write_content(auto& w, const Content& content) {
  std::visit([&](const auto& c) { codec::write(w, c); }, content);
}

struct FramedContent {
  Bytes group_id;
  uint64_t epoch = 0;
  Sender sender;
  Bytes authenticated_data;
  Content content;

  ContentType content_type() const { return static_cast<ContentType>(content.index() + 1); }
  static FramedContent read(codec::Reader& r);
  void write(auto& w) const;
};

struct FramedContentAuthData {
  Bytes signature;
  std::optional<Bytes> confirmation_tag;  // exactly in commits
  static FramedContentAuthData read(ContentType type, codec::Reader& r);
  void write(auto& w) const {
    codec::write(w, signature);
    if (confirmation_tag) codec::write(w, *confirmation_tag);
  }
};

struct AuthenticatedContent {
  WireFormat wire_format{};
  FramedContent content;
  FramedContentAuthData auth;
  static AuthenticatedContent read(codec::Reader& r);
  void write(auto& w) const {
    codec::write(w, wire_format);
    codec::write(w, content);
    codec::write(w, auth);
  }
};

/// Section 6.2.
struct PublicMessage {
  FramedContent content;
  FramedContentAuthData auth;
  std::optional<Bytes> membership_tag;  // exactly from members
  static PublicMessage read(codec::Reader& r);
  void write(auto& w) const {
    codec::write(w, content);
    codec::write(w, auth);
    if (membership_tag) codec::write(w, *membership_tag);
  }
};

/// Section 6.3.
struct PrivateMessage {
  Bytes group_id;
  uint64_t epoch = 0;
  ContentType content_type{};
  Bytes authenticated_data;
  Bytes encrypted_sender_data;
  Bytes ciphertext;
  static auto wire(auto& m) {
    return std::tie(m.group_id, m.epoch, m.content_type, m.authenticated_data,
                    m.encrypted_sender_data, m.ciphertext);
  }
};

void Sender::write(auto& w) const {
  codec::write(w, sender_type);
  if (sender_type == SenderType::member || sender_type == SenderType::external) w.u32(index);
}

void FramedContent::write(auto& w) const {
  codec::write(w, group_id);
  codec::write(w, epoch);
  codec::write(w, sender);
  codec::write(w, authenticated_data);
  codec::write(w, content_type());
  write_content(w, content);
}

}  // namespace qnpc::mls
