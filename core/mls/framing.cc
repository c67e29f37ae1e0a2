#include "qnpc/mls/framing.h"

namespace qnpc::mls {

Content read_content(ContentType type, codec::Reader& r) {
  switch (type) {
    case ContentType::application: return codec::read<Bytes>(r);
    case ContentType::proposal: return codec::read<Proposal>(r);
    case ContentType::commit: return codec::read<Commit>(r);
  }
  throw Rejected(Reject::unknown_content_type);
}

Sender Sender::read(codec::Reader& r) {
  Sender out;
  out.sender_type = codec::read<SenderType>(r);
  switch (out.sender_type) {
    case SenderType::member:
    case SenderType::external: out.index = r.u32(); return out;
    case SenderType::new_member_proposal:
    case SenderType::new_member_commit: return out;
  }
  throw Rejected(Reject::unknown_sender_type);
}

FramedContent FramedContent::read(codec::Reader& r) {
  FramedContent out;
  out.group_id = codec::read<Bytes>(r);
  out.epoch = codec::read<uint64_t>(r);
  out.sender = codec::read<Sender>(r);
  out.authenticated_data = codec::read<Bytes>(r);
  ContentType type = codec::read<ContentType>(r);
  out.content = read_content(type, r);
  return out;
}

FramedContentAuthData FramedContentAuthData::read(ContentType type, codec::Reader& r) {
  FramedContentAuthData out;
  out.signature = codec::read<Bytes>(r);
  if (type == ContentType::commit) out.confirmation_tag = codec::read<Bytes>(r);
  return out;
}

AuthenticatedContent AuthenticatedContent::read(codec::Reader& r) {
  AuthenticatedContent out;
  out.wire_format = codec::read<WireFormat>(r);
  out.content = codec::read<FramedContent>(r);
  out.auth = FramedContentAuthData::read(out.content.content_type(), r);
  return out;
}

PublicMessage PublicMessage::read(codec::Reader& r) {
  PublicMessage out;
  out.content = codec::read<FramedContent>(r);
  out.auth = FramedContentAuthData::read(out.content.content_type(), r);
  if (out.content.sender.sender_type == SenderType::member) {
    out.membership_tag = codec::read<Bytes>(r);
  }
  return out;
}

}  // namespace qnpc::mls
