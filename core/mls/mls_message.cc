#include "qnpc/mls/mls_message.h"

namespace qnpc::mls {

MlsMessage MlsMessage::read(codec::Reader& r) {
  if (codec::read<ProtocolVersion>(r) != ProtocolVersion::mls10) {
    throw Error(Reason::unsupported, "the message is of another version of MLS than 1.0");
  }
  switch (codec::read<WireFormat>(r)) {
    case WireFormat::public_message: return {codec::read<PublicMessage>(r)};
    case WireFormat::private_message: return {codec::read<PrivateMessage>(r)};
    case WireFormat::welcome: return {codec::read<Welcome>(r)};
    case WireFormat::group_info: return {codec::read<GroupInfo>(r)};
    case WireFormat::key_package: return {codec::read<KeyPackage>(r)};
  }
  throw Error(Reason::malformed, "an MLSMessage's wire format is none that exists");
}

MlsMessage parse_message(View bytes) {
  if (bytes.size() > limits::mls_message) {
    throw Error(Reason::too_large, "the message is larger than any that we read");
  }
  return codec::decode<MlsMessage>(bytes);
}

}  // namespace qnpc::mls
